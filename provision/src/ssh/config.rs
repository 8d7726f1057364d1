//! `~/.ssh/config`, as far as it says how a host is reached: HostName, Port, User, IdentityFile, IdentitiesOnly and
//! ProxyJump under `Host` patterns, with `Include`. Everything else is passed over; a `Match` block is passed over whole
//! and noted, since it could have changed one of these.
//!
//! As in OpenSSH the first value found holds, except for IdentityFile, which adds up.

use std::path::{Path, PathBuf};

use super::pattern;

/// What the file says, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    blocks: Vec<Block>,
    /// What was not understood and might matter, one sentence each.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    /// Patterns of `Host`; those with `!` exclude.
    patterns: Vec<String>,
    options: Vec<(Word, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    HostName,
    Port,
    User,
    IdentityFile,
    IdentitiesOnly,
    ProxyJump,
}

/// What holds for one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The real name or address.
    pub host_name: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// The login name.
    pub user: Option<String>,
    /// Private keys, first choice first; `~` and `%` tokens not expanded.
    pub identity_files: Vec<String>,
    /// Whether the ssh-agent's other keys are left out.
    pub identities_only: bool,
    /// Machines on the way, as written; `none` for straight.
    pub proxy_jump: Option<String>,
}

/// Deepest chain of `Include`, as in OpenSSH.
const DEEPEST: usize = 16;

impl Config {
    /// Reads the text of `name`. `include` gives name and text of each file that an `Include` pattern means.
    pub fn parse(name: &str, text: &str, include: &dyn Fn(&str) -> Vec<(String, String)>) -> Config {
        let mut config = Config::default();
        let mut reader = Reader { config: &mut config, include, skipping: false };
        reader.begin(vec!["*".to_owned()]);
        reader.read(name, text, 0);
        config
    }

    /// Reads `~/.ssh/config` below `home`; a file that is not there says nothing.
    pub fn read(home: &Path) -> Config {
        let folder = home.join(".ssh");
        let path = folder.join("config");
        match std::fs::read_to_string(&path) {
            Ok(text) => Config::parse(&path.display().to_string(), &text, &|wanted| included(home, &folder, wanted)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Config::default(),
            Err(error) => {
                Config { blocks: Vec::new(), notes: vec![format!("{} could not be read: {error}", path.display())] }
            }
        }
    }

    /// What holds for `host`, as it would be given to `ssh`.
    pub fn lookup(&self, host: &str) -> Options {
        let mut found = Options::default();
        let mut only = None;
        for block in self.blocks.iter().filter(|block| pattern::matches_list(&block.patterns, host)) {
            for (word, value) in &block.options {
                let text = || value.clone();
                match word {
                    Word::HostName => drop(found.host_name.get_or_insert_with(text)),
                    Word::User => drop(found.user.get_or_insert_with(text)),
                    Word::ProxyJump => drop(found.proxy_jump.get_or_insert_with(text)),
                    Word::IdentityFile if value.eq_ignore_ascii_case("none") => {}
                    Word::IdentityFile => found.identity_files.push(text()),
                    Word::IdentitiesOnly => drop(only.get_or_insert(value.eq_ignore_ascii_case("yes"))),
                    Word::Port => {
                        if found.port.is_none() {
                            found.port = value.parse().ok().filter(|port| *port > 0);
                        }
                    }
                }
            }
        }
        found.identities_only = only.unwrap_or(false);
        found
    }
}

struct Reader<'a> {
    config: &'a mut Config,
    include: &'a dyn Fn(&str) -> Vec<(String, String)>,
    /// Inside a `Match`.
    skipping: bool,
}

impl Reader<'_> {
    fn begin(&mut self, patterns: Vec<String>) {
        self.skipping = false;
        self.config.blocks.push(Block { patterns, options: Vec::new() });
    }

    fn read(&mut self, name: &str, text: &str, depth: usize) {
        for (index, line) in text.lines().enumerate() {
            let Some((keyword, rest)) = split(line) else {
                continue;
            };
            match keyword.to_ascii_lowercase().as_str() {
                "host" => self.begin(words(rest)),
                "match" if words(rest).iter().all(|word| word.eq_ignore_ascii_case("all")) => {
                    self.begin(vec!["*".to_owned()]);
                }
                "match" => {
                    self.skipping = true;
                    self.config.notes.push(format!("{name}:{}: `Match` is not read by td-provision", index + 1));
                }
                "include" if !self.skipping && depth < DEEPEST => {
                    // An included `Host` ends with its file: afterwards the block goes on in which the Include stands.
                    let outer = self.config.blocks.last().map(|block| block.patterns.clone());
                    for wanted in words(rest) {
                        for (name, text) in (self.include)(&wanted) {
                            self.read(&name, &text, depth + 1);
                        }
                    }
                    self.begin(outer.unwrap_or_else(|| vec!["*".to_owned()]));
                }
                keyword if !self.skipping => {
                    if let (Some(word), Some(value)) = (word(keyword), words(rest).into_iter().next())
                        && let Some(block) = self.config.blocks.last_mut()
                    {
                        block.options.push((word, value));
                    }
                }
                _ => {}
            }
        }
    }
}

fn word(keyword: &str) -> Option<Word> {
    Some(match keyword {
        "hostname" => Word::HostName,
        "port" => Word::Port,
        "user" => Word::User,
        "identityfile" => Word::IdentityFile,
        "identitiesonly" => Word::IdentitiesOnly,
        "proxyjump" => Word::ProxyJump,
        _ => return None,
    })
}

/// Keyword and the rest of a line; nothing for blank lines and comments.
fn split(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    Some((keyword, rest.strip_prefix('=').unwrap_or(rest).trim()))
}

/// The words of a value; `"two words"` is one, `#` begins a comment.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// The files that an `Include` means: relative ones lie in ~/.ssh; `*` and `?` stand in the last part of the path only.
fn included(home: &Path, folder: &Path, wanted: &str) -> Vec<(String, String)> {
    let path = match wanted.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => folder.join(wanted),
    };
    let mut files: Vec<PathBuf> = match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
        (Some(folder), Some(name)) if name.contains(['*', '?']) => {
            let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
            let names =
                entries.unwrap_or_default().into_iter().filter_map(|entry| entry.file_name().into_string().ok());
            let fits = |file: &String| pattern::matches(name, file) && !file.starts_with('.');
            names.filter(fits).map(|file| folder.join(file)).collect()
        }
        _ => vec![path],
    };
    files.sort();
    let read = |file: PathBuf| Some((file.display().to_string(), std::fs::read_to_string(&file).ok()?));
    files.into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        Config::parse("config", text, &|_| Vec::new())
    }

    #[test]
    fn the_first_value_holds_and_keys_add_up() {
        let config = parse(
            "\
Port 2200
# a comment
Host pi1?? !pi119
    HostName %h.local
    user = pi
    IdentityFile \"~/.ssh/id pi\"
Host *
    User nobody
    Port 22
    IdentityFile ~/.ssh/id_ed25519
    ProxyJump gate
",
        );
        let found = config.lookup("pi111");
        assert_eq!(found.host_name.as_deref(), Some("%h.local"));
        assert_eq!((found.port, found.user.as_deref()), (Some(2200), Some("pi")));
        assert_eq!(found.identity_files, ["~/.ssh/id pi", "~/.ssh/id_ed25519"]);
        assert_eq!(found.proxy_jump.as_deref(), Some("gate"));
        assert_eq!(config.lookup("pi119").user.as_deref(), Some("nobody"));
    }

    #[test]
    fn match_is_noted_and_passed_over() {
        let config = parse("Match host pi111\n  User x\n  Include y\nHost *\n  User pi\nMatch all\n  Port 9\n");
        assert_eq!(config.notes, ["config:1: `Match` is not read by td-provision"]);
        let found = config.lookup("pi111");
        assert_eq!((found.user.as_deref(), found.port), (Some("pi"), Some(9)));
    }

    #[test]
    fn an_include_ends_with_its_file() {
        let config = Config::parse("config", "Host a\n  Include more\n  User in-a\n", &|wanted| {
            assert_eq!(wanted, "more");
            vec![("more".to_owned(), "Port 5\nHost b\n  User in-b\n".to_owned())]
        });
        let a = config.lookup("a");
        assert_eq!((a.port, a.user.as_deref()), (Some(5), Some("in-a")));
        assert_eq!(config.lookup("b").user.as_deref(), Some("in-b"));
    }

    #[test]
    fn an_include_of_itself_ends() {
        let text = "Include me\nUser pi\n";
        let config = Config::parse("me", text, &|_| vec![("me".to_owned(), text.to_owned())]);
        assert_eq!(config.lookup("x").user.as_deref(), Some("pi"));
    }

    #[test]
    fn nonsense_is_passed_over() {
        for text in ["Host", "Port x", "Port 0", "=", "Host =", "IdentityFile", "HostName \"", "\0"] {
            assert_eq!(parse(text).lookup("a").port, None, "{text:?}");
        }
    }

    #[test]
    fn included_files_of_a_folder() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join(".ssh/config.d");
        std::fs::create_dir_all(&folder).expect("made");
        std::fs::write(folder.join("a.conf"), "Host a\n User one\n").expect("written");
        std::fs::write(folder.join("b"), "Host a\n User two\n").expect("written");
        std::fs::write(home.path().join(".ssh/config"), "Include config.d/*.conf\n").expect("written");
        assert_eq!(Config::read(home.path()).lookup("a").user.as_deref(), Some("one"));
        assert_eq!(Config::read(&folder), Config::default());
    }
}
