//! Names of systemd's units for paths.

/// `/mnt/td` with suffix `automount`: `mnt-td.automount`. The rules are systemd.unit(5)'s, as `systemd-escape --path` has
/// them.
#[must_use]
pub fn name(path: &str, suffix: &str) -> String {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() {
        return format!("-.{suffix}");
    }
    let mut out = String::new();
    for (at, byte) in trimmed.bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if at == 0 => out.push_str("\\x2e"),
            byte if byte.is_ascii_alphanumeric() || b":_.".contains(&byte) => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    format!("{out}.{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_systemds() {
        // As printed by systemd-escape 252.
        for (path, unit) in [
            ("/", "-.mount"),
            ("/mnt/td", "mnt-td.mount"),
            ("/mnt/t-d/x_y.z@1", "mnt-t\\x2dd-x_y.z\\x401.mount"),
            ("/.hidden/.x", "\\x2ehidden-.x.mount"),
            ("/a+b", "a\\x2bb.mount"),
        ] {
            assert_eq!(name(path, "mount"), unit);
        }
    }
}
