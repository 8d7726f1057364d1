//! Real causes on real nodes, and what `td health` makes of each: the table after it, and that it is gone when it is mended.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use td_tests::nodes::{self, Cluster, Node};
use td_tests::process;

use super::health::PROBE;
use super::{LIMIT, Master, SHARE, usual};

/// What nodes that are containers share with this machine is not looked at: its load, its memory, how full its disk is.
const LIMITS: &str = "health: { load: { warn: none, fail: none }, oom-kills: { warn: none }, disk: { warn: 1, fail: 0.3 }, \
                      memory: { warn: none, fail: none }, swap: { warn: none, fail: none } }\n";

/// systemd has started it before it listens (7979 is 1F2B, and 0A a socket that does).
const LISTENS: &str =
    "timeout 60 sh -c 'until grep -q \":1F2B .* 0A \" /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done'";

/// The tables so far, for the snapshot.
pub struct Causes<'a> {
    master: &'a Master<'a>,
    well: String,
    told: String,
}

impl<'a> Causes<'a> {
    /// When all is well: what an apply did to the load of a minute takes that long to be over.
    #[track_caller]
    pub fn begin(master: &'a Master<'a>) -> Self {
        for node in master.cluster.nodes() {
            // What a minute's timer does at any moment must not come between a cause and its table.
            node.sh("systemctl stop td-probe.timer");
            node.sh(&in_full(node));
        }
        let mut causes = Self { master, well: String::new(), told: String::new() };
        let all_ok = format!("{} nodes: {0} ok\n", master.cluster.nodes().len());
        let end = Instant::now() + LIMIT;
        loop {
            causes.well = causes.table();
            if causes.well.ends_with(&all_ok) {
                break;
            }
            assert!(Instant::now() < end, "{}", causes.well);
            std::thread::sleep(Duration::from_secs(2));
        }
        let _ = write!(causes.told, "# nothing is wrong\n{}", causes.well);
        causes
    }

    /// The table after this happened to the node. The script ends with a run of the probe where the cause is one
    /// that the probe sees.
    #[track_caller]
    pub fn cause(&mut self, what: &str, node: &Node, script: &str) {
        node.sh(script);
        let table = self.table();
        assert_ne!(table, self.well, "{what} is not seen");
        let _ = write!(self.told, "# {what}\n{table}");
    }

    /// Undoes it, and waits until all is well again.
    #[track_caller]
    pub fn mend(&mut self, node: &Node, script: &str) {
        node.sh(script);
        let end = Instant::now() + LIMIT;
        loop {
            for other in self.master.cluster.nodes() {
                other.sh(PROBE);
            }
            let table = self.table();
            if table == self.well {
                return;
            }
            assert!(Instant::now() < end, "after `{script}`:\n{table}");
            std::thread::sleep(Duration::from_secs(2));
        }
    }

    #[track_caller]
    pub fn table(&self) -> String {
        let mut health = self.master.sandbox.td(["health", "-i", "inventory.yaml", "--timeout", "30"]);
        let outcome = process::run(&mut health, Duration::from_secs(120));
        outcome.speaks_to_a_person();
        let code = outcome.status.code().unwrap();
        assert!(code == 0 || code == 1 || code == 4, "{}", outcome.transcript());
        format!("exit code {code}\n{}", in_general(&outcome.out()))
    }

    pub fn told(self) -> String {
        self.told
    }
}

/// A row for each finding, however it was broken into lines, and `N` for numbers, which differ from run to run.
fn in_general(table: &str) -> String {
    let mut lines = table.lines();
    let head = lines.next().unwrap_or_default();
    let (state, what) = (head.find("STATE").expect("a table"), head.find("WHAT").expect("a table"));
    let mut rows: Vec<String> = Vec::new();
    for line in lines {
        let part = |from, to: usize| line.get(from..to.min(line.len())).unwrap_or_default().trim();
        let is_last = line.contains(" nodes: ");
        let is_more = !is_last && part(0, what).is_empty();
        match rows.last_mut() {
            Some(row) if is_more => *row = format!("{row} {}", masked(line.trim())),
            _ if is_last => rows.push(line.to_owned()),
            _ => {
                let row = format!("{:4} {:4} {}", part(0, state), part(state, what), masked(part(what, line.len())));
                rows.push(row.trim_end().to_owned());
            }
        }
    }
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// `N` for amounts, which stand by themselves: the 1 of pi1 stays.
fn masked(text: &str) -> String {
    let word = |word: &str| {
        let number = word.trim_matches(|c: char| c.is_ascii_punctuation());
        if number.parse::<f64>().is_ok() { word.replace(number, "N") } else { word.to_owned() }
    };
    let words: Vec<String> = text.split(' ').map(word).collect();
    words.join(" ")
}

/// As the unit calls it, but all at once.
fn in_full(node: &Node) -> String {
    let started = node.sh("systemctl cat td-probe.service | sed -n 's/^ExecStart=//p'");
    format!("{} --full", started.trim())
}

#[test]
#[ignore = "two nodes and some twenty causes, four minutes: make e2e"]
fn causes_and_their_tables() {
    if !nodes::available() {
        return;
    }
    let cluster = Cluster::start(2);
    let master = Master::with(&cluster, &format!("{}{LIMITS}", usual(&cluster)), SHARE);
    assert!(master.apply() > 10);
    let (server, client) = (cluster.node(1), cluster.node(2));
    let probe_all = in_full(client);
    let mut causes = Causes::begin(&master);

    for (what, bits, degrees) in [
        ("the supply's voltage was too low", "0x10000", "47.2"),
        ("the supply's voltage is too low, and the clock capped", "0x30003", "47.2"),
        ("it is throttled at 83 C", "0x40004", "83.0"),
        ("it has reached the soft limit at 76 C", "0x80008", "76.0"),
    ] {
        let script = format!("echo {bits} >/run/firmware/throttled; echo {degrees} >/run/firmware/temp; {PROBE}");
        causes.cause(what, client, &script);
    }
    causes.mend(client, &format!("rm /run/firmware/throttled /run/firmware/temp; {PROBE}"));

    causes.cause("a unit has failed", client, &format!("systemd-run --unit=broken --wait --quiet false || {PROBE}"));
    causes.mend(client, &format!("systemctl reset-failed broken.service; {PROBE}"));

    let cache = |size: &str| {
        format!(
            "systemctl stop td-agent; umount /var/lib/td/cache 2>/dev/null || true
             mount -t tmpfs -o size={size},mode=700,uid=$(id -u td),gid=$(id -g td) tmpfs /var/lib/td/cache
             systemctl start td-agent; {LISTENS}"
        )
    };
    causes.cause("little room for POV-Ray's files", client, &cache("200m"));
    causes.cause("and next to none", client, "head -c 208400000 /dev/zero >/var/lib/td/cache/fill");
    causes.mend(client, "systemctl stop td-agent; umount /var/lib/td/cache; systemctl start td-agent");

    causes.cause(
        "POV-Ray was removed",
        client,
        &format!("apt-get -yq remove povray >/dev/null; systemctl restart td-agent; {LISTENS}; {probe_all}"),
    );
    causes.cause(
        "and ImageMagick",
        client,
        &format!("apt-get -yq remove imagemagick imagemagick-6.q16 >/dev/null; {probe_all}"),
    );
    assert!(master.apply() > 0, "an apply brings both back");
    client.sh("systemctl stop td-probe.timer");
    causes.mend(client, &format!("systemctl restart td-agent; {probe_all}"));
    let library = client.sh("ldd /usr/bin/povray | awk '/libboost_thread/ { print $3 }'");
    let library = library.trim();
    causes.cause("a library of POV-Ray's is gone", client, &format!("mv {library} /root/library; {probe_all}"));
    causes.mend(client, &format!("mv /root/library {library}; {probe_all}"));

    causes.cause("a package wants a reboot", client, &format!("touch /run/reboot-required; {probe_all}"));
    causes.mend(client, &format!("rm /run/reboot-required; {probe_all}"));
    // What is set holds from the next boot on.
    client.sh("sed -i.bak 's/^gpu_mem=16/gpu_mem=64/; s/^arm_freq=800/arm_freq=700/' /boot/firmware/config.txt");
    client.reboot();
    causes.cause(
        "config.txt was edited, and the node rebooted",
        client,
        // The first look mounts the share, which takes longer than one that is mounted.
        &format!("systemctl stop td-probe.timer; {PROBE}; {probe_all}"),
    );
    client.sh("mv /boot/firmware/config.txt.bak /boot/firmware/config.txt");
    client.reboot();
    causes.mend(client, &format!("systemctl stop td-probe.timer; {probe_all}"));

    // Its timer is stopped all the time; what makes that late is the inventory's to say.
    let inventory = fs::read_to_string(master.sandbox.work().join("inventory.yaml")).unwrap();
    for (what, bounds) in [
        ("its probe has not looked for longer than the limit", "{ warn: 2, fail: none }"),
        ("and for longer than the second one", "{ warn: 2, fail: 3 }"),
    ] {
        master.add("pi2", &format!("health: {{ probe: {bounds} }}"));
        causes.cause(what, client, "sleep 4");
        master.sandbox.write("inventory.yaml", &inventory);
    }
    causes.mend(client, PROBE);

    for (what, days) in [("its certificate ends in three weeks", 20), ("its certificate ends in two days", 2)] {
        let pem = certificate(&master, client, days);
        causes.cause(what, client, &format!("test -e /root/agent.pem || cp -p /etc/td/agent.pem /root; printf '%s' '{pem}' >/etc/td/agent.pem; systemctl restart td-agent; {LISTENS}"));
    }
    causes.mend(client, "cp -p /root/agent.pem /etc/td/agent.pem; systemctl restart td-agent");

    server.sh("systemctl stop nfs-server");
    causes.cause("the share's server was stopped", client, PROBE);
    server.sh("systemctl start nfs-server");
    causes.mend(client, PROBE);
    causes.cause(
        "the share is not mounted",
        client,
        &format!("systemctl stop mnt-td.automount; umount /mnt/td 2>/dev/null || true; {PROBE}"),
    );
    causes.mend(client, &format!("systemctl start mnt-td.automount; {PROBE}"));

    causes.cause("its agent is stopped", client, "systemctl stop td-agent");
    client.stop();
    let _ = write!(causes.told, "# it is off\n{}", causes.table());
    insta::assert_snapshot!("causes", causes.told());
}

/// What only nodes with kernels of their own can have: their own memory, clock, load and disk, and NFS.
#[track_caller]
pub fn of_own_kernels(master: &Master<'_>) -> String {
    let (server, client) = (master.cluster.node(1), master.cluster.node(2));
    let mut causes = Causes::begin(master);

    // So much of the memory in a file that this much of it is left, in %.
    let fill = |left: u32| {
        format!(
            "mount -o remount,size=100% /dev/shm; rm -f /dev/shm/fill
             awk '/^MemTotal/ {{ all = $2 }} /^MemAvailable/ {{ free = $2 }} END {{ printf \"%dk\", free - all * {left} / 100 }}' /proc/meminfo |
               xargs -I SIZE head -c SIZE /dev/zero >/dev/shm/fill"
        )
    };
    causes.cause("its memory is nearly full", client, &fill(9));
    // What the kernel swaps out and what not is its own affair: so much is given back that it is short, and not out of it.
    let swap = format!(
        "{}; head -c 67108864 /dev/zero >/swap; chmod 600 /swap; mkswap -q /swap; swapon /swap
         head -c 41943040 /dev/zero >>/dev/shm/fill
         while awk '/^MemTotal/ {{ all = $2 }} /^MemAvailable/ {{ free = $2 }} END {{ exit free >= all * 7 / 100 }}' /proc/meminfo
         do truncate -s -1M /dev/shm/fill; done",
        fill(3)
    );
    causes.cause("its memory is full, and it swaps", client, &swap);
    causes.mend(client, "rm /dev/shm/fill; swapoff /swap; rm /swap");

    causes.cause(
        "twelve programs have been running for a minute",
        client,
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do nice -n 19 timeout 120 sh -c 'while :; do :; done' >/dev/null 2>&1 & done; sleep 100",
    );
    causes.mend(client, "pkill -f 'while [:]' || true");

    for node in [server, client] {
        node.sh("systemctl stop systemd-timesyncd || true");
    }
    causes.cause("its clock is an hour ahead", client, &format!("date -s '+1 hour' >/dev/null; {PROBE}"));
    causes.mend(client, &format!("date -s '-1 hour' >/dev/null; {PROBE}"));
    causes.cause(
        "the share's server is five minutes behind",
        server,
        &format!("date -s '-5 minutes' >/dev/null; {PROBE}"),
    );
    client.sh(PROBE);
    let _ = write!(causes.told, "# and the client has looked\n{}", causes.table());
    server.sh("date -s '+5 minutes' >/dev/null");
    causes.mend(client, PROBE);

    let leave = |percent: u32| {
        format!(
            "rm -f /fill; set -- $(stat -f -c '%b %a %S' /)
             fallocate -l $((($2 - $1 * {percent} / 100) * $3)) /fill"
        )
    };
    causes.cause("its disk is nearly full", client, &leave(9));
    causes.cause("its disk is full", client, &leave(1));
    causes.mend(client, "rm /fill");
    causes.cause(
        "no inode is left",
        client,
        "systemctl stop td-agent; truncate -s 500M /disk; mke2fs -q -t ext4 -N 200 /disk; mount -o loop /disk /var/lib/td/cache
         chown td:td /var/lib/td/cache; chmod 700 /var/lib/td/cache; systemctl start td-agent
         i=0; while touch /var/lib/td/cache/$i 2>/dev/null; do i=$((i+1)); done",
    );
    causes.mend(client, "systemctl stop td-agent; umount /var/lib/td/cache; rm /disk; systemctl start td-agent");

    // The server stops; the client's kernel waits for it for ever, td does not, and nothing piles up.
    server.sh("systemctl stop nfs-server");
    causes.cause("the share's server was stopped", client, PROBE);
    let processes = || client.sh("ls -d /proc/[0-9]* | wc -l").trim().parse::<u32>().unwrap();
    let before = processes();
    for _ in 0..100 {
        let table = causes.table();
        assert!(!table.contains("unreachable") && table.contains("share"), "{table}");
    }
    for _ in 0..4 {
        client.sh(PROBE);
    }
    assert!(processes() < before + 10, "before: {before}\n{}", client.sh("ps -ef"));
    let children = client.sh("pgrep -fc 'exe [p]robe-child' || true");
    assert!(children.trim().parse::<u32>().unwrap() <= 1, "{}", client.sh("ps -ef"));
    server.sh(&format!("systemctl start nfs-server; {PROBE}"));
    causes.mend(client, PROBE);

    // As the kernel does when the card gives errors.
    causes.cause("the root has become read-only", client, &format!("echo u >/proc/sysrq-trigger; sleep 5; {PROBE}"));
    causes.mend(client, &format!("mount -o remount,rw /; mount -o remount,rw /boot/firmware; {PROBE}"));
    causes.told()
}

/// A certificate for the node that ends so soon, made by the cluster's CA.
fn certificate(master: &Master<'_>, node: &Node, days: u32) -> String {
    let name = node.name();
    let script = format!(
        "printf 'subjectAltName=DNS:{name}\\nextendedKeyUsage=serverAuth\\n' >short.ext
         openssl req -new -key nodes/{name}.key -subj /CN={name} |
           openssl x509 -req -CA ca.pem -CAkey ca.key -set_serial 7 -days {days} -extfile short.ext 2>short.log
         rm short.ext short.log"
    );
    let mut command = Command::new("sh");
    let outcome =
        process::run(command.args(["-euc", &script]).current_dir(master.credentials()), Duration::from_secs(60));
    outcome.code(0).out()
}
