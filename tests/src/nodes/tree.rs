//! What lies in a node's folders, to tell whether anything changed.

use std::collections::BTreeMap;

use super::Node;

/// Path to mode, owner, and content's hash or link's target.
pub type Tree = BTreeMap<String, String>;

/// The folders in which provisioning leaves its traces.
const FOLDERS: &str = "/etc /boot /usr/local";

/// One line a file: path, then what it is. NUL between lines, since a name may hold anything else.
const LIST: &str = r#"
find FOLDERS -type f -printf '%p\t%M %u:%g ' -exec sh -c 'sha256sum <"$1" | cut -c1-64 | tr "\n" "\0"' sh {} \; \
  -o -type l -printf '%p\t%M %u:%g -> %l\0' -o -printf '%p\t%M %u:%g\0'
"#;

pub(super) fn read(node: &Node) -> Tree {
    let text = node.sh(&LIST.replace("FOLDERS", FOLDERS));
    let lines = text.split('\0').map(|line| line.trim_start_matches('\n')).filter(|line| !line.is_empty());
    lines.filter_map(|line| line.split_once('\t')).map(|(path, what)| (path.to_owned(), what.to_owned())).collect()
}

/// What differs between two, one line each.
pub fn changes(before: &Tree, after: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, was) in before {
        match after.get(path) {
            None => lines.push(format!("gone: {path}")),
            Some(is) if is != was => lines.push(format!("changed: {path}: {was} is now {is}")),
            Some(_) => {}
        }
    }
    lines.extend(after.keys().filter(|path| !before.contains_key(*path)).map(|path| format!("new: {path}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_change_is_told() {
        let tree = |files: &[(&str, &str)]| -> Tree {
            files.iter().map(|&(path, what)| (path.to_owned(), what.to_owned())).collect()
        };
        let before = tree(&[("a", "1"), ("b", "1"), ("c", "1")]);
        assert!(changes(&before, &before).is_empty());
        let after = tree(&[("a", "1"), ("b", "2"), ("d", "1")]);
        assert_eq!(changes(&before, &after), ["changed: b: 1 is now 2", "gone: c", "new: d"]);
    }
}
