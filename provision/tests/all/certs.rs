//! `td-provision certs`, with a configuration folder of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, PKCS_ED25519, date_time_ymd};
use serde_json::Value;
use tempfile::TempDir;
use time::OffsetDateTime;
use x509_parser::pem::parse_x509_pem;

const INVENTORY: &str = "cluster: shelf\nnodes:\n  pi1: { address: 192.0.2.1 }\n  Pi2: { address: 192.0.2.2 }\n";

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("inventory.yaml"), INVENTORY).expect("written");
        Self { folder }
    }

    /// With a CA and all certificates.
    fn ready() -> Self {
        let place = Self::new();
        place.good(&["certs", "init"]);
        place.good(&["certs", "issue"]);
        place
    }

    fn cluster(&self) -> PathBuf {
        self.folder.path().join("config/td/clusters/shelf")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_td-provision"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("TD_INVENTORY")
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .output()
            .expect("runs")
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("is UTF-8")
    }

    /// Ends with this code and these words on standard error.
    #[track_caller]
    fn bad(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).expect("is UTF-8");
        assert_eq!(output.status.code(), Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "no {word:?} in: {said}");
        }
    }

    /// The states that `show --json` tells, in its order: CA, master, nodes.
    fn states(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.shown().iter().map(|event| (text(&event["state"]), text(&event["why"]))).collect()
    }

    /// The certificates that `show --json` tells of, whole.
    fn shown(&self) -> Vec<Value> {
        let output = self.run(&["certs", "show", "--json"]);
        let text = String::from_utf8(output.stdout).expect("is UTF-8");
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("is JSON"));
        events.filter(|event| event["event"] == "certificate").collect()
    }

    fn words(&self) -> Vec<String> {
        self.states().into_iter().map(|(word, _)| word).collect()
    }

    /// Replaces a node's certificate by one that the cluster's CA signs, changed by `change`.
    fn replace_node(&self, change: impl FnOnce(&mut CertificateParams)) {
        let read = |name: &str| fs::read_to_string(self.cluster().join(name)).expect("is there");
        let ca_key = KeyPair::from_pem(&read("ca.key")).expect("is a key");
        let ca = Issuer::from_ca_cert_pem(&read("ca.pem"), ca_key).expect("is a CA");
        let mut params = CertificateParams::new(["pi1".to_owned()]).expect("a name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let certificate = params.signed_by(&key, &ca).expect("signed");
        fs::write(self.cluster().join("nodes/pi1.pem"), certificate.pem()).expect("written");
        fs::write(self.cluster().join("nodes/pi1.key"), key.serialize_pem()).expect("written");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("is there").permissions().mode() & 0o777
}

#[test]
fn init_and_issue_make_files_that_only_their_owner_can_read() {
    let place = Place::ready();
    let cluster = place.cluster();
    assert_eq!(mode(&cluster), 0o700);
    assert_eq!(mode(&cluster.join("nodes")), 0o700);
    for key in ["ca.key", "master.key", "nodes/pi1.key", "nodes/pi2.key"] {
        assert_eq!(mode(&cluster.join(key)), 0o600, "{key}");
    }
    assert_eq!(place.words(), ["good"; 4]);
    // Nothing of the work is left beside them.
    let beside: Vec<_> = fs::read_dir(cluster.parent().expect("has one")).expect("is there").collect();
    assert_eq!(beside.len(), 1);
}

/// What a certificate is, read from its file.
struct Found {
    begins: OffsetDateTime,
    ends: OffsetDateTime,
    /// Of the key, and of the CA's signature.
    algorithms: [String; 2],
    is_ca: bool,
    /// Good for a client, for a server.
    usage: Option<(bool, bool)>,
}

impl Found {
    fn read(path: &Path) -> Self {
        let pem = fs::read(path).expect("is there");
        let (_, pem) = parse_x509_pem(&pem).expect("is PEM");
        let parsed = pem.parse_x509().expect("is a certificate");
        let usage = parsed.extended_key_usage().expect("is whole");
        Self {
            begins: parsed.validity().not_before.to_datetime(),
            ends: parsed.validity().not_after.to_datetime(),
            algorithms: [&parsed.public_key().algorithm, &parsed.signature_algorithm]
                .map(|algorithm| algorithm.algorithm.to_id_string()),
            is_ca: parsed.is_ca(),
            usage: usage.map(|usage| (usage.value.client_auth, usage.value.server_auth)),
        }
    }
}

/// A Raspberry Pi 1 has no clock: to it, now may be any day since it was made. And who builds a cluster does not come back to
/// renew it each year.
#[test]
fn certificates_begin_long_ago_and_end_in_many_years() {
    /// Ed25519 as in RFC 8410.
    const ED25519: &str = "1.3.101.112";
    let place = Place::ready();
    let now = OffsetDateTime::now_utc();
    let years = |count: i64| now + time::Duration::days(365 * count);
    let minute = time::Duration::minutes(1);
    for (file, lifetime, is_ca, usage) in [
        ("ca.pem", 30, true, None),
        ("master.pem", 10, false, Some((true, false))),
        ("nodes/pi1.pem", 10, false, Some((false, true))),
        ("nodes/pi2.pem", 10, false, Some((false, true))),
    ] {
        let found = Found::read(&place.cluster().join(file));
        // No Raspberry Pi is older than 2012.
        assert!(found.begins.year() <= 2000, "{file}: {}", found.begins);
        let end = years(lifetime);
        assert!(found.ends > end - minute && found.ends < end + minute, "{file}: {} is not {end}", found.ends);
        assert_eq!(found.algorithms, [ED25519; 2], "{file}");
        assert_eq!((found.is_ca, found.usage), (is_ca, usage), "{file}");
    }
}

#[test]
fn show_tells_when_each_certificate_ends() {
    let place = Place::ready();
    place.replace_node(|params| params.not_after = date_time_ymd(2020, 1, 1));
    fs::set_permissions(place.cluster().join("nodes/pi1.key"), fs::Permissions::from_mode(0o600)).expect("set");
    fs::remove_file(place.cluster().join("nodes/pi2.pem")).expect("removed");
    let shown = place.shown();
    let named: Vec<_> = shown.iter().map(|line| (line["kind"].as_str(), line["name"].as_str())).collect();
    let expected = [("ca", "shelf"), ("master", "shelf"), ("node", "pi1"), ("node", "Pi2")];
    assert_eq!(named, expected.map(|(kind, name)| (Some(kind), Some(name))));
    for (line, days) in shown.iter().zip([Some(30 * 365), Some(10 * 365), None]) {
        let file = Path::new(line["file"].as_str().expect("a file"));
        let end = Found::read(file).ends;
        assert_eq!(line["not_after"], end.date().to_string(), "{line}");
        let left = line["days_left"].as_i64().expect("days");
        assert!((left - (end - OffsetDateTime::now_utc()).whole_days()).abs() <= 1, "{line}");
        // Whole days: the first one has begun.
        assert!(days.is_none_or(|days| left == days - 1), "{line}");
    }
    assert!(shown[2]["days_left"].as_i64() < Some(0), "{}", shown[2]);
    assert_eq!((&shown[3]["not_after"], &shown[3]["days_left"]), (&Value::Null, &Value::Null));

    let output = place.run(&["certs", "show"]);
    let digits = |c: char| if c.is_ascii_digit() { '9' } else { c };
    // The nodes' names stay.
    let line = |line: &str| {
        let (words, numbers) = line.split_at(line.len().min(14));
        format!("{words}{}", numbers.chars().map(digits).collect::<String>())
    };
    let table = String::from_utf8(output.stdout).expect("is UTF-8");
    insta::assert_snapshot!("certs_show", table.lines().map(line).collect::<Vec<_>>().join("\n"));
}

#[test]
fn init_takes_nothing_away_unless_it_is_told_to() {
    let place = Place::ready();
    let before = fs::read(place.cluster().join("ca.key")).expect("is there");
    place.bad(&["certs", "init"], 2, &["already", "--force"]);
    assert_eq!(fs::read(place.cluster().join("ca.key")).expect("is there"), before);

    assert!(place.good(&["certs", "init", "--force"]).contains("shelf.before-"));
    assert_ne!(fs::read(place.cluster().join("ca.key")).expect("is there"), before);
    assert_eq!(place.words(), ["good", "good", "missing", "missing"]);
    let kept = fs::read_dir(place.cluster().parent().expect("has one")).expect("is there").flatten();
    let kept = kept.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains(".before-"));
    assert_eq!(fs::read(kept.expect("is kept").join("ca.key")).expect("is there"), before);
}

#[test]
fn what_an_init_left_that_was_killed_is_cleared_away() {
    let place = Place::new();
    // No process has the number 0 in /proc.
    let left = place.cluster().with_file_name(".shelf.new-0");
    fs::create_dir_all(&left).expect("made");
    place.good(&["certs", "init"]);
    assert!(!left.exists());
}

#[test]
fn issue_leaves_good_ones_alone() {
    let place = Place::ready();
    let read = || fs::read(place.cluster().join("nodes/pi1.pem")).expect("is there");
    let before = read();
    assert!(place.good(&["certs", "issue"]).contains("0 of 2 made or renewed"));
    assert_eq!(read(), before);
    assert!(place.good(&["certs", "issue", "PI1", "--renew"]).contains("1 of 1 made or renewed"));
    assert_ne!(read(), before);
    place.bad(&["certs", "issue", "pi3"], 2, &["no node pi3", "pi1, Pi2"]);
}

#[test]
fn without_a_ca_the_way_to_one_is_told() {
    let place = Place::new();
    for command in ["issue", "show"] {
        place.bad(&["certs", command], 2, &["ca.pem is not there", "td-provision certs init -i inventory.yaml"]);
    }
    fs::write(place.folder.path().join("inventory.yaml"), "nodes: 3").expect("written");
    place.bad(&["certs", "init"], 2, &["inventory.yaml:1"]);
}

#[test]
fn a_certificate_that_has_ended_or_soon_will() {
    let place = Place::ready();
    place.replace_node(|params| params.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(place.words(), ["good", "good", "ended", "good"]);
    place.bad(&["certs", "show"], 1, &["certs issue"]);
    place.good(&["certs", "issue"]);
    assert_eq!(place.words(), ["good"; 4]);

    let soon = OffsetDateTime::now_utc() + time::Duration::days(30);
    place.replace_node(|params| params.not_after = soon);
    fs::set_permissions(place.cluster().join("nodes/pi1.key"), fs::Permissions::from_mode(0o600)).expect("set");
    assert_eq!(place.words(), ["good", "good", "ends_soon", "good"]);
    // It can still be used, so it is a warning.
    let output = place.run(&["certs", "show"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("certs issue"));
}

#[test]
fn certificates_that_are_not_what_they_should_be() {
    let place = Place::ready();
    let why = || place.states().into_iter().nth(2).expect("the node's");

    place.replace_node(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    assert_eq!(why(), ("bad".to_owned(), "is not that of a node".to_owned()));
    place.replace_node(|params| params.subject_alt_names = Vec::new());
    assert!(why().1.contains("not for pi1"), "{why:?}", why = why());
    fs::copy(place.cluster().join("nodes/pi2.key"), place.cluster().join("nodes/pi1.key")).expect("copied");
    fs::copy(place.cluster().join("nodes/pi2.pem"), place.cluster().join("nodes/pi1.pem")).expect("copied");
    assert_eq!(why().1, "is for pi2, not for pi1");
    place.good(&["certs", "issue", "--renew", "pi1"]);
    fs::copy(place.cluster().join("nodes/pi2.key"), place.cluster().join("nodes/pi1.key")).expect("copied");
    assert_eq!(why().1, "its key is that of another certificate");
    fs::remove_file(place.cluster().join("nodes/pi1.key")).expect("removed");
    assert_eq!(why().1, "its key is missing");
    fs::write(place.cluster().join("nodes/pi1.pem"), "nonsense").expect("written");
    assert_eq!(why().1, "holds no certificate in PEM form");
    place.good(&["certs", "issue"]);
    fs::set_permissions(place.cluster().join("nodes/pi1.key"), fs::Permissions::from_mode(0o644)).expect("set");
    assert!(why().1.contains("others can read its key"));

    // One of another cluster of the same name.
    let other = Place::ready();
    for file in ["nodes/pi1.pem", "nodes/pi1.key"] {
        fs::copy(other.cluster().join(file), place.cluster().join(file)).expect("copied");
    }
    assert_eq!(why().1, "was made by another CA");
    place.good(&["certs", "issue"]);
    assert_eq!(place.words(), ["good"; 4]);
}

#[test]
fn a_ca_key_that_others_can_read_signs_nothing() {
    let place = Place::ready();
    let key = place.cluster().join("ca.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("set");
    place.bad(&["certs", "issue"], 2, &["ca.key", "mode 0640"]);
}
