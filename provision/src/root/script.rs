//! What is run on the node before td's own program is there: `sh` and coreutils, nothing else.
//!
//! The login's shell may be any shell: our text comes to it as words in single quotes, holds no quote and no `!` itself,
//! and hands over to /bin/sh at once.

/// Marks of one connection. Both are random: no output of the node can hold them by chance, and `prompt` is printed by
/// the sudo that we have called and by nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Stands before each status.
    pub mark: String,
    /// sudo's question for the password.
    pub prompt: String,
}

impl Marks {
    /// Marks from 16 random bytes.
    pub fn new(random: [u8; 16]) -> Marks {
        let word = hex::encode(random);
        Marks { mark: format!("td-{}", &word[..16]), prompt: format!("td-sudo-{}", &word[16..]) }
    }
}

/// Says who it is and what it runs on, then runs one line of its standard input after the other. After each command the
/// mark is printed to both outputs, with the exit code on the first.
///
/// Only lines that begin with the mark are commands: what a command was to read and left (a program that did not start and
/// so read no desired state, with its keys) is passed over and never run.
///
/// `trap` removes a binary that was only brought for a look, also when the connection is cut: `read` fails then.
const LOOP: &str = concat!(
    r#"umask 022; cd /; LC_ALL=C; PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; "#,
    r#"export LC_ALL PATH; t=; trap "rm -f \"\$t\"" EXIT; "#,
    r#"printf "\n%s root %s %s\n" "$1" "$(uname -m)" "$(od -An -tu1 -j4 -N1 /bin/sh)"; "#,
    r#"while IFS= read -r c; do case "$c" in "$1 "*) eval "${c#* }"; r=$?; "#,
    r#"printf "\n%s %s\n" "$1" "$r"; printf "\n%s\n" "$1" >&2;; esac; done"#,
);

/// Becomes root: by being it, or by sudo. Says so where it cannot even try.
const BECOME: &str = concat!(
    r#"if [ "$(id -u)" = 0 ]; then exec /bin/sh -c "$1" td "$2"; fi; "#,
    r#"if [ "$4" = none ]; then printf "\n%s none\n" "$2"; exit 0; fi; "#,
    r#"command -v sudo >/dev/null 2>&1 || { printf "\n%s nosudo\n" "$2"; exit 0; }; "#,
    r#"exec sudo -S -p "$3" -- /bin/sh -c "$1" td "$2""#,
);

/// The command line of the channel. `how` is `sudo` or `none`.
pub fn command_line(marks: &Marks, how: &str) -> String {
    format!("exec /bin/sh -c '{BECOME}' td '{LOOP}' {} {} {how}", marks.mark, marks.prompt)
}

/// A word for `sh`, in single quotes.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn the_login_shell_finds_nothing_to_change() {
        for text in [LOOP, BECOME] {
            assert!(!text.contains(['\'', '!', '\n']), "{text}");
        }
    }

    #[test]
    fn words_are_quoted() {
        for word in ["a", "a b", "it's", "$(x)", "\"\\"] {
            let output = Command::new("sh").arg("-c").arg(format!("printf %s {}", quote(word))).output().expect("runs");
            assert_eq!(String::from_utf8_lossy(&output.stdout), word);
        }
    }

    /// The loop alone, under this machine's sh: answers, exit codes, standard input for a command, the trap.
    #[test]
    fn the_loop() {
        let folder = tempfile::tempdir().expect("a folder");
        let left = folder.path().join("left behind");
        std::fs::write(&left, "x").expect("written");
        let mut child = Command::new("/bin/sh")
            .args(["-c", LOOP, "td", "MARK"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut stdin = child.stdin.take().expect("is piped");
        let trap = format!("t={}", quote(&left.display().to_string()));
        write!(stdin, "MARK echo one\nMARK false\nMARK head -c 5 | tr a-z A-Z\nab\ncd").expect("written");
        write!(stdin, "left\n\nMARKED\nMARK echo three >&2\nMARK {trap}\n").expect("written");
        drop(stdin);
        let output = child.wait_with_output().expect("ends");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let (first, rest) = stdout.trim_start().split_once('\n').expect("a first line");
        let words: Vec<_> = first.split_whitespace().collect();
        assert_eq!(words[..2], ["MARK", "root"]);
        assert!(["1", "2"].contains(&words[3]), "32 or 64 bits: {first}");
        assert_eq!(rest, "one\n\nMARK 0\n\nMARK 1\nAB\nCD\nMARK 0\n\nMARK 0\n\nMARK 0\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "\nMARK\n".repeat(3) + "three\n\nMARK\n\nMARK\n");
        assert!(!left.exists(), "the trap removes it");
    }
}
