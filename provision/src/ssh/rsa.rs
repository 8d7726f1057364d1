//! Signatures with an RSA key from a file, by ring.
//!
//! russh can do RSA through the crate `rsa`, which has an open advisory without a fixed version (RUSTSEC-2023-0071, "Marvin":
//! the time of its private-key operation depends on the key, and whoever can time many of them over a network may learn
//! it). A login makes one signature per connection, to a server whose host key was checked before, so the danger would be
//! small; but ring is in the program anyway (rustls), its RSA is written for constant time, and so the crate is not needed
//! at all. The price: a *host* key of type RSA cannot be checked, for which russh knows the crate `rsa` only. Every OpenSSH
//! since 6.5 (2014) has an ed25519 host key too.
//!
//! Keys in the ssh-agent are signed with there; nothing here touches them.

use num_bigint::BigUint;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512};
use russh::keys::HashAlg;
use russh::keys::ssh_key::private::RsaKeypair;
use thiserror::Error;

/// Why an RSA key cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RsaError {
    /// ring takes 2048 to 4096 bits, primes of the same length, an odd exponent above 65536.
    #[error(
        "this RSA key is not taken ({0}; it has {1} bits): make an ed25519 key (ssh-keygen -t ed25519), or load it into the ssh-agent"
    )]
    Refused(String, u32),
    /// ring says no more.
    #[error("the RSA signature failed")]
    Sign,
}

/// The signature of `message` as SSH wants it: its name and its bytes.
///
/// # Errors
/// See [`RsaError`].
pub fn sign(key: &RsaKeypair, hash: HashAlg, message: &[u8]) -> Result<(&'static str, Vec<u8>), RsaError> {
    let pair = pair(key)?;
    let (name, encoding) = match hash {
        HashAlg::Sha256 => ("rsa-sha2-256", &RSA_PKCS1_SHA256),
        _ => ("rsa-sha2-512", &RSA_PKCS1_SHA512),
    };
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| RsaError::Sign)?;
    Ok((name, signature))
}

fn pair(key: &RsaKeypair) -> Result<KeyPair, RsaError> {
    let refused = |why: String| RsaError::Refused(why, key.key_size());
    let (public, private) = (key.public(), key.private());
    let number = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec).ok_or_else(|| refused("a part is negative".into()));
    let (p, q) = (number(private.p().as_positive_bytes())?, number(private.q().as_positive_bytes())?);
    let d = number(private.d().as_positive_bytes())?;
    // The file leaves out d mod (p-1) and d mod (q-1). This runs once, on the user's own machine.
    let part = |prime: &[u8]| {
        let less = BigUint::from_bytes_be(prime);
        if less < BigUint::from(3u8) {
            return Err(refused("a prime is none".into()));
        }
        Ok((BigUint::from_bytes_be(&d) % (less - 1u8)).to_bytes_be())
    };
    let components = KeyPairComponents {
        public_key: PublicKeyComponents {
            n: number(public.n().as_positive_bytes())?,
            e: number(public.e().as_positive_bytes())?,
        },
        dP: part(&p)?,
        dQ: part(&q)?,
        qInv: number(private.iqmp().as_positive_bytes())?,
        d,
        p,
        q,
    };
    KeyPair::from_components(&components).map_err(|rejected| refused(rejected.to_string()))
}
