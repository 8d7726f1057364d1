//! What makes two builds of one commit the same bytes.

use std::ffi::OsString;
use std::path::Path;

use crate::environment::{Environment, cargo_home};

/// The release profile as the agent wants it, whatever Cargo.toml has for the other programs: one unit of all code, so
/// that what is not used goes, and small rather than fast where no pixel passes.
const PROFILE: [(&str, &str); 6] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
];

/// Crates that every pixel goes through: conversion and filters, deflate, checksums.
const FAST: [&str; 6] = ["td-agent", "td-protocol", "flate2", "zlib-rs", "simd-adler32", "sha2@0.10"];

/// For the identity of a toolchain.
pub(super) fn profile() -> String {
    let profile = PROFILE.map(|(name, value)| format!("{name}={value}")).join(" ");
    format!("{profile} fast: {}", FAST.join(" "))
}

/// cargo's arguments for what no environment variable can say. The names are quoted: `@` is no part of a bare TOML key.
pub(super) fn arguments() -> Vec<OsString> {
    let fast = FAST.iter().flat_map(|name| {
        [OsString::from("--config"), format!("profile.release.package.\"{name}\".opt-level=3").into()]
    });
    fast.collect()
}

/// Sets what does not depend on the way: profile, no incremental leftovers, a fixed time.
pub(super) fn set(environment: &mut Environment) {
    for (name, value) in PROFILE {
        environment.set(name, value);
    }
    environment.set("CARGO_INCREMENTAL", "0");
    environment.set("SOURCE_DATE_EPOCH", "0");
    // A wrapper, flags or a linker (for what runs during the build) of the user's ~/.cargo/config.toml give way to these.
    environment.set("CARGO_BUILD_RUSTC_WRAPPER", "");
    environment.set("CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER", "");
    environment.set("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "cc");
    environment.set("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "cc");
    environment.set("CARGO_TERM_COLOR", "never");
}

/// rustc's flags, joined for `CARGO_ENCODED_RUSTFLAGS`: no path of this machine is left in the binary. `home` is cargo's folder as
/// the compiler sees it. Asked for once the crates are fetched.
pub(super) fn rustflags(fixed: &[&str], home: &Path, mapped: &[(&Path, &str)]) -> String {
    // The folder's name holds a hash of the registry's address, which differs where a mirror is used.
    let entries = std::fs::read_dir(cargo_home().join("registry/src"));
    let mut registries: Vec<OsString> =
        entries.map(|entries| entries.flatten().map(|entry| entry.file_name()).collect()).unwrap_or_default();
    registries.sort();
    // Of several that fit, rustc takes the last: so the narrower ones come later.
    let mut all = vec![(home.to_owned(), "/cargo")];
    all.extend(registries.into_iter().map(|name| (home.join("registry/src").join(name), "/crates")));
    all.extend(mapped.iter().map(|&(path, name)| (path.to_owned(), name)));
    let mut flags: Vec<String> = fixed.iter().map(|&flag| flag.to_owned()).collect();
    flags.extend(all.iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display())));
    flags.join("\x1f")
}
