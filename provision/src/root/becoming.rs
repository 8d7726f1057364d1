//! The way from a login to a root shell, as a state machine: what the node prints goes in, what to do comes out.

use thiserror::Error;

use super::script::Marks;
use crate::words::one_line;

/// Why there is no root shell. The caller puts the node's name in front.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RootError {
    /// `become: none`, and not root.
    #[error("{user} is not root there, and `become: none` forbids sudo: set `user: root` or `become: sudo`")]
    NotRoot {
        /// Login name.
        user: String,
    },
    /// No sudo.
    #[error(
        "there is no sudo, and {user} is not root: install sudo there (su -c 'apt-get install sudo'), or set `user: root`"
    )]
    NoSudo {
        /// Login name.
        user: String,
    },
    /// Not in sudoers.
    #[error("{user} may not use sudo there ({said}): as root, adduser {user} sudo")]
    NotAllowed {
        /// Login name.
        user: String,
        /// sudo's words.
        said: String,
    },
    /// requiretty.
    #[error(
        "sudo wants a terminal there (`requiretty` in its sudoers), which td-provision does not give it: add `Defaults:{user} !requiretty`"
    )]
    RequireTty {
        /// Login name.
        user: String,
    },
    /// The password was refused.
    #[error("sudo does not take the password of {user}: {why}")]
    WrongPassword {
        /// Login name.
        user: String,
        /// `wrong three times`, or where it came from.
        why: String,
    },
    /// A password is needed and cannot be asked for.
    #[error(
        "sudo asks for the password of {user}, and there is no terminal to ask on: set `password:` in the inventory, or let {user} use sudo without (NOPASSWD)"
    )]
    NoTerminal {
        /// Login name.
        user: String,
    },
    /// The inventory's password is not to be had.
    #[error(transparent)]
    Source(#[from] crate::secret::SourceError),
    /// The login runs no commands.
    #[error(
        "logged in as {user}, but no command runs there ({said}). Is the account locked or expired, or its shell nologin?"
    )]
    NoCommands {
        /// Login name.
        user: String,
        /// What was printed.
        said: String,
    },
    /// Nothing is said any more.
    #[error("sudo said nothing for {seconds} s{said}; log in and try `sudo true` there")]
    Silent {
        /// The deadline.
        seconds: u64,
        /// What was printed last.
        said: String,
    },
    /// The connection ended.
    #[error("the connection ended before sudo was done")]
    Gone,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait for more.
    Wait,
    /// sudo asks; `refused` of its questions were answered wrongly before.
    Password {
        /// Answers that were wrong.
        refused: u32,
    },
    /// This is root: machine as `uname -m`, bits of the userland.
    Root {
        /// `armv6l`, `aarch64`, `x86_64` ...
        machine: String,
        /// 32 or 64; 0 where /bin/sh is no ELF file.
        bits: u32,
    },
    /// It ends here.
    Failed(RootError),
}

/// What was printed so far.
#[derive(Debug)]
pub struct Becoming {
    marks: Marks,
    user: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    prompts: u32,
}

/// More than this is no banner any more.
const MOST: usize = 64 << 10;

impl Becoming {
    pub fn new(marks: Marks, user: &str) -> Becoming {
        Becoming { marks, user: user.to_owned(), stdout: Vec::new(), stderr: Vec::new(), prompts: 0 }
    }

    /// Standard output. Nothing follows the line that says `root` before a command is sent.
    pub fn stdout(&mut self, bytes: &[u8]) -> Step {
        push(&mut self.stdout, bytes);
        let text = String::from_utf8_lossy(&self.stdout);
        // Whole lines only: a packet may end in the middle.
        let lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines).lines();
        for line in lines {
            let Some(rest) = line.strip_prefix(&self.marks.mark) else {
                continue;
            };
            let words: Vec<_> = rest.split_whitespace().collect();
            let user = self.user.clone();
            return match words.as_slice() {
                ["none"] => Step::Failed(RootError::NotRoot { user }),
                ["nosudo"] => Step::Failed(RootError::NoSudo { user }),
                ["root", machine, class @ ..] => Step::Root {
                    machine: one_line(machine, 40),
                    bits: match class {
                        ["1"] => 32,
                        ["2"] => 64,
                        _ => 0,
                    },
                },
                _ => continue,
            };
        }
        Step::Wait
    }

    /// Standard error.
    pub fn stderr(&mut self, bytes: &[u8]) -> Step {
        push(&mut self.stderr, bytes);
        let prompts = count(&self.stderr, self.marks.prompt.as_bytes());
        if prompts > self.prompts {
            self.prompts = prompts;
            return Step::Password { refused: prompts - 1 };
        }
        Step::Wait
    }

    /// The command ended without a root shell.
    pub fn ended(&self) -> RootError {
        let user = self.user.clone();
        let said = self.said();
        let low = String::from_utf8_lossy(&self.stderr).to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
        if has(&["must have a tty", "no tty present", "a terminal is required"]) {
            RootError::RequireTty { user }
        } else if has(&["incorrect password", "incorrect authentication"]) || (self.prompts > 0 && has(&["try again"]))
        {
            RootError::WrongPassword { user, why: format!("wrong {}", times(self.prompts)) }
        } else if has(&["not in the sudoers", "may not run sudo", "not allowed to"]) {
            RootError::NotAllowed { user, said }
        } else {
            RootError::NoCommands { user, said: if said.is_empty() { "it printed nothing".to_owned() } else { said } }
        }
    }

    /// Nothing came for so long.
    pub fn silent(&self, seconds: u64) -> RootError {
        let said = self.said();
        RootError::Silent { seconds, said: if said.is_empty() { said } else { format!(" (last: {said})") } }
    }

    /// What the node printed, fit for a sentence: without our marks.
    fn said(&self) -> String {
        let both = format!("{} {}", String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr));
        let said = one_line(&both.replace(&self.marks.prompt, "").replace(&self.marks.mark, ""), 300);
        said.trim_end_matches('.').to_owned()
    }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        3 => "three times".to_owned(),
        n => format!("{n} times"),
    }
}

fn push(all: &mut Vec<u8>, bytes: &[u8]) {
    let room = MOST.saturating_sub(all.len());
    all.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

fn count(text: &[u8], word: &[u8]) -> u32 {
    let found = text.windows(word.len()).filter(|part| *part == word).count();
    u32::try_from(found).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn new() -> (Becoming, Marks) {
        let marks = Marks::new([7; 16]);
        (Becoming::new(marks.clone(), "pi"), marks)
    }

    #[test]
    fn without_a_password() {
        let (mut becoming, marks) = new();
        assert_eq!(becoming.stdout(b"some noise of .bashrc\n"), Step::Wait);
        let line = format!("\n{} root aarch64    1\n", marks.mark);
        let (a, b) = line.split_at(20);
        assert_eq!(becoming.stdout(a.as_bytes()), Step::Wait, "half a line is none");
        assert_eq!(becoming.stdout(b.as_bytes()), Step::Root { machine: "aarch64".into(), bits: 32 });
    }

    #[test]
    fn with_a_lecture_and_wrong_passwords() {
        let (mut becoming, marks) = new();
        assert_eq!(becoming.stderr(b"\nWe trust you have received the usual lecture. Password:\n"), Step::Wait);
        assert_eq!(becoming.stderr(marks.prompt.as_bytes()), Step::Password { refused: 0 });
        assert_eq!(becoming.stderr(b"Sorry, try again.\n"), Step::Wait);
        let (a, b) = marks.prompt.split_at(5);
        assert_eq!(becoming.stderr(a.as_bytes()), Step::Wait);
        assert_eq!(becoming.stderr(b.as_bytes()), Step::Password { refused: 1 });
        assert_eq!(becoming.stderr(marks.prompt.as_bytes()), Step::Password { refused: 2 });
        becoming.stderr(b"sudo: 3 incorrect password attempts\n");
        let error = becoming.ended();
        assert_eq!(error.to_string(), "sudo does not take the password of pi: wrong three times");
        assert!(!error.to_string().contains(&marks.prompt));
    }

    #[test]
    fn reasons() {
        for (stderr, kind) in [
            ("sudo: sorry, you must have a tty to run sudo\n", "RequireTty"),
            ("pi is not in the sudoers file.\n", "NotAllowed"),
            ("Sorry, user pi may not run sudo on pi111.\n", "NotAllowed"),
            ("This account is currently not available.\n", "NoCommands"),
            ("", "NoCommands"),
        ] {
            let (mut becoming, _) = new();
            becoming.stderr(stderr.as_bytes());
            assert!(format!("{:?}", becoming.ended()).starts_with(kind), "{stderr}");
        }
        let (mut becoming, marks) = new();
        assert!(matches!(
            becoming.stdout(format!("{} nosudo\n", marks.mark).as_bytes()),
            Step::Failed(RootError::NoSudo { .. })
        ));
    }

    proptest! {
        /// However the bytes are cut, the same comes out; and noise makes nothing happen.
        #[test]
        fn any_packets(noise in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..300) {
            let (mut becoming, marks) = new();
            let mut all = noise;
            all.extend_from_slice(format!("\n{} root armv6l 1\n", marks.mark).as_bytes());
            let (a, b) = all.split_at(cut.min(all.len()));
            let first = becoming.stdout(a);
            let second = becoming.stdout(b);
            let root = Step::Root { machine: "armv6l".into(), bits: 32 };
            prop_assert!(first == root || second == root);
        }

        #[test]
        fn noise_is_no_root(noise in proptest::collection::vec(any::<u8>(), 0..500)) {
            let (mut becoming, _) = new();
            prop_assert_eq!(becoming.stdout(&noise), Step::Wait);
            prop_assert_eq!(becoming.stderr(&noise), Step::Wait);
            let _ = becoming.ended().to_string();
        }
    }
}
