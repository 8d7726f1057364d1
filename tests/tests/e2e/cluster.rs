//! The nodes of an inventory over mutual TLS: who is let in, who is not, and what each side is told.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, PKCS_ED25519, date_time_ymd};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use td_tests::cluster::Cluster;
use td_tests::picture::Picture;
use td_tests::process::{self, Outcome, Running};
use td_tests::reference::Reference;
use td_tests::sandbox::Sandbox;
use td_tests::{compare, programs};

use crate::scenes::{SIZE, SMALL};

const LIMIT: Duration = Duration::from_secs(120);
const NAMES: [&str; 3] = ["one", "Two", "three"];

fn td(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    sandbox.write("scene.pov", SMALL);
    let mut command = sandbox.td(arguments);
    process::run(command.args(["scene.pov", "-i", "inventory.yaml"]).args(SIZE), LIMIT)
}

/// What `td plan` says when it can reach nobody, each node's reason included.
#[track_caller]
fn nobody(sandbox: &Sandbox, words: &[&str]) {
    td(sandbox, &["plan"]).code(4).speaks_to_a_person().says(&["no agent can be reached"]).says(words);
}

/// Waits until the agent has logged these words.
#[track_caller]
fn agent_says(cluster: &Cluster<'_>, number: usize, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !cluster.said(number).contains(words) {
        assert!(Instant::now() < deadline, "the agent does not say {words:?}, but:\n{}", cluster.said(number));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A key and a certificate that the cluster's CA signs, as `change` wants it.
fn signed(cluster: &Cluster<'_>, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let read = |name: &str| fs::read_to_string(cluster.credentials().join(name)).unwrap();
    let ca = Issuer::from_ca_cert_pem(&read("ca.pem"), KeyPair::from_pem(&read("ca.key")).unwrap()).unwrap();
    let mut params = CertificateParams::default();
    change(&mut params);
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    (params.signed_by(&key, &ca).unwrap().pem(), key.serialize_pem())
}

/// What a client hears that goes its own way: `hello` asked for under TLS of these versions.
fn ask(
    cluster: &Cluster<'_>,
    number: usize,
    versions: &[&'static SupportedProtocolVersion],
    identity: Option<(&str, &str)>,
) -> Result<String, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cluster.credentials().join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    let node = &cluster.nodes[number];
    let name = node.name.to_lowercase().try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", node.port)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /hello HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n\r\n");
    let read = asked.and_then(|()| stream.read_to_string(&mut answer));
    match read {
        Err(error) if answer.is_empty() => Err(error.to_string()),
        _ => Ok(answer),
    }
}

/// By IPv4, by IPv6 and by a host name; the picture is the one that plain POV-Ray makes.
#[test]
fn three_nodes_make_one_exact_picture() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::start(&sandbox, &NAMES);
    let address = |name: &str| match name {
        "one" => "127.0.0.1".to_owned(),
        "Two" => "::1".to_owned(),
        _ => "localhost".to_owned(),
    };
    cluster.write_inventory(address, "");
    td(&sandbox, &["plan"]).code(0);
    let outcome = td(&sandbox, &["render", "-o", "out.png", "--json"]);
    outcome.code(0);
    let done = td_tests::events::last(&outcome).unwrap();
    let nodes: Vec<&String> = done["nodes"].as_object().unwrap().keys().collect();
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    let folder = sandbox.work();
    let switches = SIZE.map(str::to_owned);
    let wanted = Reference { root: &folder, folder: &folder, scene: "scene.pov", switches: &switches }.picture_now();
    compare::same(&wanted.unwrap(), &Picture::read(&folder.join("out.png")).unwrap()).unwrap();

    // The environment names the inventory as well as -i does.
    let mut command = sandbox.td(["plan", "scene.pov"]);
    let outcome = process::run(command.args(SIZE).env("TD_INVENTORY", "inventory.yaml"), LIMIT);
    outcome.code(0);
    assert!(outcome.out().contains("three"), "{}", outcome.transcript());
    cluster.end();
}

#[test]
fn nodes_that_cannot_be_reached_are_told_and_left_out() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::start(&sandbox, &["one", "two"]);
    cluster.end_node(1, Signal::TERM);
    td(&sandbox, &["render", "-o", "out.png"]).code(0).says(&["two does not answer: connection refused"]);
    // No such host, under a name that is kept for that.
    cluster.write_inventory(|name| if name == "two" { "nowhere.invalid".into() } else { "127.0.0.1".into() }, "");
    td(&sandbox, &["plan"]).code(0);
    cluster.end_node(0, Signal::TERM);
    nobody(&sandbox, &["one does not answer: connection refused", "nowhere.invalid cannot be resolved"]);
    cluster.end();
}

#[test]
fn the_inventorys_slots_are_kept() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::start(&sandbox, &["one"]);
    cluster.write_inventory(|_| "127.0.0.1".to_owned(), ", slots: 3");
    let outcome = td(&sandbox, &["plan"]);
    outcome.code(0);
    assert!(outcome.out().contains("says 3 slots, its agent offers 1"), "{}", outcome.transcript());
    cluster.end();
}

#[test]
fn a_node_of_another_ca() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &["one"]);
    // A new CA, and the node still has the old one's certificate.
    let mut command = sandbox.command(programs::binary("td-provision"));
    process::run(command.args(["certs", "init", "--force"]), LIMIT).code(0);
    nobody(&sandbox, &["made by another CA", "certs issue"]);
    agent_says(&cluster, 0, "does not know this node's CA");
    cluster.end();
}

#[test]
fn a_master_of_another_ca() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &["one"]);
    let ca = fs::read(cluster.credentials().join("ca.pem")).unwrap();
    let mut command = sandbox.command(programs::binary("td-provision"));
    process::run(command.args(["certs", "init", "--force"]), LIMIT).code(0);
    // It trusts the node, and the node does not trust it.
    fs::write(cluster.credentials().join("ca.pem"), ca).unwrap();
    nobody(&sandbox, &["does not know this master's CA"]);
    agent_says(&cluster, 0, "made by another CA");
    cluster.end();
}

#[test]
fn a_node_at_the_address_of_another() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::start(&sandbox, &["one", "two"]);
    let (one, two) = (cluster.nodes[0].port, cluster.nodes[1].port);
    cluster.nodes[0].port = two;
    cluster.nodes[1].port = one;
    cluster.write_inventory(|_| "127.0.0.1".to_owned(), "");
    nobody(&sandbox, &["one does not answer: wrong name: what listens there is two", "what listens there is one"]);
    cluster.end();
}

#[test]
fn certificates_that_have_ended() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::prepare(&sandbox, &["one"]);
    let node = |params: &mut CertificateParams| {
        params.subject_alt_names = CertificateParams::new(["one".to_owned()]).unwrap().subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let bring = |cluster: &Cluster<'_>, (certificate, key): (String, String)| {
        fs::write(cluster.folder(0).join("agent.pem"), certificate).unwrap();
        fs::write(cluster.folder(0).join("agent.key"), key).unwrap();
    };
    // An agent that nobody would accept says so at its start.
    let ended = signed(&cluster, |params| {
        node(params);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    bring(&cluster, ended);
    process::run(&mut cluster.agent(0), LIMIT).code(2).says(&["agent.pem", "has ended"]);
    // One that ends while the agent runs: the master sees it.
    let ending = signed(&cluster, |params| {
        node(params);
        params.not_after = time::OffsetDateTime::now_utc() + time::Duration::seconds(4);
    });
    bring(&cluster, ending);
    cluster.start_node(0);
    std::thread::sleep(Duration::from_secs(5));
    nobody(&sandbox, &["its certificate has ended", "certs issue"]);
    cluster.end_node(0, Signal::TERM);

    cluster.bring_certificates(0);
    cluster.start_node(0);
    let (certificate, key) = signed(&cluster, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    fs::write(cluster.credentials().join("master.pem"), certificate).unwrap();
    fs::write(cluster.credentials().join("master.key"), key).unwrap();
    nobody(&sandbox, &["this master's certificate has ended"]);
    agent_says(&cluster, 0, "its certificate has ended");
    cluster.end();
}

/// Whoever breaks into one node cannot use the others.
#[test]
fn a_nodes_certificate_makes_no_master() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &["one", "two"]);
    for (from, to) in [("nodes/two.pem", "master.pem"), ("nodes/two.key", "master.key")] {
        fs::copy(cluster.credentials().join(from), cluster.credentials().join(to)).unwrap();
    }
    nobody(&sandbox, &["does not accept this master's certificate"]);
    agent_says(&cluster, 0, "is for something else");
    cluster.end();
}

/// Nor can the master's certificate, where it serves, pass for a node.
#[test]
fn a_masters_certificate_makes_no_node() {
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::prepare(&sandbox, &["one"]);
    let (certificate, key) = signed(&cluster, |params| {
        params.subject_alt_names = CertificateParams::new(["one".to_owned()]).unwrap().subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    fs::write(cluster.folder(0).join("agent.pem"), certificate).unwrap();
    fs::write(cluster.folder(0).join("agent.key"), key).unwrap();
    process::run(&mut cluster.agent(0), LIMIT).code(2).says(&["agent.pem", "is for something else"]);
    cluster.bring_certificates(0);
    cluster.start_node(0);
    cluster.end();
}

#[test]
fn clients_that_are_no_masters() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &["one"]);
    let tls13 = [&rustls::version::TLS13];
    let (certificate, key) = signed(&cluster, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let master = Some((certificate.as_str(), key.as_str()));
    // The right one first, so that the others fail for no other reason.
    assert!(ask(&cluster, 0, &tls13, master).unwrap().contains("\"protocol\":"));

    let told = ask(&cluster, 0, &tls13, None).unwrap_err();
    assert!(told.contains("CertificateRequired"), "{told}");
    agent_says(&cluster, 0, "it showed no certificate");
    let told = ask(&cluster, 0, &[&rustls::version::TLS12], master).unwrap_err();
    assert!(told.contains("ProtocolVersion"), "{told}");
    agent_says(&cluster, 0, "it does not speak TLS 1.3");

    let mut plain = TcpStream::connect(("127.0.0.1", cluster.nodes[0].port)).unwrap();
    plain.write_all(b"GET /hello HTTP/1.1\r\nhost: agent\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "answered over plain HTTP");
    agent_says(&cluster, 0, "it does not speak TLS");
    cluster.end();
}

/// A server with the node's own certificate that speaks what it is told to: `-tls1_2`, `-tls1_3`.
fn other_server(cluster: &Cluster<'_>, version: &str) -> Running {
    let (folder, port) = (cluster.folder(0), cluster.nodes[0].port);
    let mut command = cluster.sandbox.command("openssl");
    command.args(["s_server", version, "-www", "-accept", &format!("127.0.0.1:{port}")]);
    command.arg("-cert").arg(folder.join("agent.pem")).arg("-key").arg(folder.join("agent.key"));
    let mut server = process::start(&mut command);
    let deadline = Instant::now() + LIMIT;
    while !server.out_so_far().contains("ACCEPT") {
        assert!(!server.has_ended() && Instant::now() < deadline, "no server: {}", server.err_so_far());
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

#[test]
fn a_server_that_speaks_only_an_older_tls() {
    const TOLD: &str = "what listens there does not speak TLS 1.3";
    let sandbox = Sandbox::new();
    let cluster = Cluster::prepare(&sandbox, &["one"]);
    let old = other_server(&cluster, "-tls1_2");
    nobody(&sandbox, &["one does not answer", TOLD]);
    old.signal(Signal::KILL);
    let _ = old.wait(LIMIT);
    // It is the version that was refused: with the newer one they come to talk, if not of the same things.
    let new = other_server(&cluster, "-tls1_3");
    let outcome = td(&sandbox, &["plan"]);
    outcome.code(1).speaks_to_a_person().says(&["one answered what td does not understand"]);
    assert!(!outcome.err().contains(TOLD), "{}", outcome.transcript());
    new.signal(Signal::KILL);
    let _ = new.wait(LIMIT);
    cluster.end();
}

/// A stranger who begins handshakes and says nothing more does not keep the master out.
#[test]
fn a_stranger_who_ties_up_the_door() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::start(&sandbox, &["one"]);
    let strangers: Vec<_> =
        (0..200).map(|_| TcpStream::connect(("::1", cluster.nodes[0].port)).expect("connected")).collect();
    td(&sandbox, &["plan"]).code(0);
    agent_says(&cluster, 0, "handshakes at a time");
    drop(strangers);
    cluster.end();
}

#[test]
fn the_masters_own_files_are_looked_at_first() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::prepare(&sandbox, &["one"]);
    let key = cluster.credentials().join("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    td(&sandbox, &["plan"]).code(2).says(&["master.key", "mode 0644", "chmod 600"]);
    fs::remove_file(&key).unwrap();
    td(&sandbox, &["plan"]).code(2).says(&["master.key is not there", "td-provision certs init -i inventory.yaml"]);
    fs::remove_dir_all(cluster.credentials()).unwrap();
    td(&sandbox, &["render"]).code(2).says(&["ca.pem is not there", "td-provision certs init -i inventory.yaml"]);
    cluster.end();
}

#[test]
fn an_agent_without_its_files_says_which() {
    let sandbox = Sandbox::new();
    let cluster = Cluster::prepare(&sandbox, &["one", "two"]);
    let folder = cluster.folder(0);
    let start = || process::run(&mut cluster.agent(0), LIMIT);
    fs::copy(cluster.folder(1).join("agent.key"), folder.join("agent.key")).unwrap();
    start().code(2).speaks_to_a_person().says(&["agent.key", "does not belong to agent.pem"]);
    fs::set_permissions(folder.join("agent.key"), fs::Permissions::from_mode(0o644)).unwrap();
    start().code(2).says(&["agent.key", "mode 0644"]);
    fs::write(folder.join("agent.pem"), "nonsense").unwrap();
    start().code(2).says(&["agent.pem", "no certificate in PEM form"]);
    fs::remove_file(folder.join("ca.pem")).unwrap();
    start().code(2).says(&["ca.pem is not there", "td-provision certs issue"]);
    cluster.end();
}
