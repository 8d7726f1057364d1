//! The text of td-agent.service.

use td_protocol::converge::resource::Service;
use td_protocol::hash::ContentHash;

/// The variable in the service's environment that says with what it was started.
pub const STATE: &str = "TD_STATE";

/// The unit's text. `certificates` stands for the files that the agent reads when it starts.
///
/// The hash in `TD_STATE` is over everything else and the certificates. A running agent whose environment has another
/// one was started from something else, and is restarted: also where an apply was cut off between the change and the
/// restart.
#[must_use]
pub fn text(service: &Service, certificates: ContentHash) -> String {
    let head = head(service);
    let state = state(&head, certificates);
    format!("{head}Environment={STATE}={state}\n{FOOT}")
}

/// What `TD_STATE` has to be.
#[must_use]
pub fn wanted_state(service: &Service, certificates: ContentHash) -> String {
    state(&head(service), certificates)
}

fn state(head: &str, certificates: ContentHash) -> String {
    ContentHash::of(format!("{head}{FOOT}{certificates}").as_bytes()).to_string()
}

fn head(service: &Service) -> String {
    let user = &service.user;
    let mut arguments = vec![
        format!("--listen [::]:{}", service.port),
        format!("--tls {}", service.tls),
        format!("--cache {}", service.cache),
        format!("--name {}", service.name),
    ];
    arguments.extend(service.slots.map(|slots| format!("--slots {slots}")));
    arguments.extend(service.arguments.iter().cloned());
    // A folder that is missing, as a share whose server is dead, is no reason not to start.
    let writable: Vec<String> = service.write_paths.iter().map(|path| format!("-{path}")).collect();
    let writable = std::iter::once(service.cache.clone()).chain(writable).collect::<Vec<_>>().join(" ");
    format!(
        "# kept by td-provision: do not edit, `systemctl edit {unit}` makes a file beside it\n\
         [Unit]\n\
         Description=td's agent: renders strips of pictures with POV-Ray\n\
         After=network.target\n\
         StartLimitIntervalSec=0\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={binary} serve {arguments}\n\
         User={user}\n\
         Group={user}\n\
         ReadWritePaths={writable}\n",
        unit = Service::UNIT,
        binary = Service::BINARY,
        arguments = arguments.join(" "),
    )
}

// No PrivateDevices, MemoryDenyWriteExecute or SystemCallArchitectures: the first would hide the firmware's device from
// health checks, the others would stop a 32-bit POV-Ray below a 64-bit agent, or fail on kernels without seccomp.
const FOOT: &str = "\
# A POV-Ray that hangs dies with the agent: the whole control group is killed.
KillMode=control-group
TimeoutStopSec=15
Restart=always
RestartSec=2
# A person who logs in comes before the pictures. POV-Ray is ten weaker than the agent itself, which answers meanwhile.
Nice=5
CPUWeight=50
LimitNOFILE=8192
LimitCORE=0
TasksMax=1024
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target
";

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service {
            name: "pi111".to_owned(),
            user: "td".to_owned(),
            port: 7979,
            slots: Some(1),
            tls: "/etc/td".to_owned(),
            cache: "/var/lib/td/cache".to_owned(),
            write_paths: vec!["/srv/td".to_owned()],
            arguments: vec!["--cache-size=512".to_owned()],
            probe: None,
        }
    }

    #[test]
    fn the_unit_is_as_it_was_reviewed() {
        insta::assert_snapshot!(text(&service(), ContentHash([0; 32])));
    }

    #[test]
    fn any_change_is_another_state() {
        let hash = ContentHash([0; 32]);
        let state = wanted_state(&service(), hash);
        assert!(text(&service(), hash).contains(&format!("\nEnvironment=TD_STATE={state}\n")));
        let mut other = service();
        other.port = 7980;
        assert_ne!(wanted_state(&other, hash), state);
        assert_ne!(wanted_state(&service(), ContentHash([1; 32])), state);
    }
}
