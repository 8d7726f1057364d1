//! Keys and certificates, made in memory.

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SanType,
};
use td_inventory::credentials::PrivatePkcs8KeyDer;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

/// From when all are good: a Raspberry Pi 1 has no clock, and starts somewhere in the past.
const NOT_BEFORE: OffsetDateTime = datetime!(2000-01-01 0:00 UTC);
/// Days that the CA is good for: 30 years. A CA that ends takes the whole cluster with it.
const CA_DAYS: i64 = 30 * 365;
/// Days that other certificates are good for: 10 years.
const DAYS: i64 = 10 * 365;

/// A certificate and its key, in PEM form.
#[derive(Debug, Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

/// The CA, ready to sign.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    not_after: OffsetDateTime,
}

impl Ca {
    /// A new CA for the cluster.
    pub fn new(cluster: &str, now: OffsetDateTime) -> Result<(Self, Pair)> {
        let key = new_key()?;
        let mut params = params(&format!("td cluster {cluster}"));
        params.not_after = now + Duration::days(CA_DAYS);
        // It signs certificates of machines and no further CAs.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).context("cannot sign the CA's certificate")?;
        let pair = Pair { certificate: certificate.pem(), key: key.serialize_pem() };
        Ok((Self { not_after: params.not_after, issuer: Issuer::new(params, key) }, pair))
    }

    /// The CA of these two files; `not_after` is the end of its certificate.
    pub fn from_pem(certificate: &str, key: &str, not_after: OffsetDateTime) -> Result<Self> {
        let key = KeyPair::from_pem(key).context("the CA's key cannot be used")?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).context("the CA's certificate cannot be used")?;
        Ok(Self { issuer, not_after })
    }

    /// A certificate for the master: good for being a client, nothing else.
    pub fn master(&self, cluster: &str, now: OffsetDateTime) -> Result<Pair> {
        let mut params = params(&format!("td master of {cluster}"));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, now)
    }

    /// A certificate for the node of this name: good for being that server, nothing else.
    pub fn node(&self, name: &str, now: OffsetDateTime) -> Result<Pair> {
        let name = name.to_ascii_lowercase();
        let mut params = params(&name);
        params.subject_alt_names = vec![SanType::DnsName(name.try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, now)
    }

    fn sign(&self, mut params: CertificateParams, now: OffsetDateTime) -> Result<Pair> {
        let key = new_key()?;
        params.not_after = (now + Duration::days(DAYS)).min(self.not_after);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).context("cannot sign a certificate")?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// A new Ed25519 key. ring writes the second version of PKCS#8 (RFC 5958), which OpenSSL 3.0 does not read; in the first
/// version (RFC 8410, 7) anybody can look at what td made with the tools at hand.
fn new_key() -> Result<KeyPair> {
    /// Both versions hold the same up to here, the version's number at index 4 and the lengths apart.
    const V1: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    const SEED: usize = 32;
    let key = KeyPair::generate_for(&PKCS_ED25519).context("cannot make a key")?;
    let made = key.serialized_der();
    let is_as_known = made.get(5..V1.len()) == Some(&V1[5..]);
    let Some(seed) = made.get(V1.len()..V1.len() + SEED).filter(|_| is_as_known) else { return Ok(key) };
    let first_version = PrivatePkcs8KeyDer::from([&V1[..], seed].concat());
    KeyPair::from_pkcs8_der_and_sign_algo(&first_version, &PKCS_ED25519).context("cannot make a key")
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    params.not_before = NOT_BEFORE;
    params
}
