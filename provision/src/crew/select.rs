//! `--limit`: nodes and groups by name.

use td_inventory::{Inventory, Node};

/// The nodes that `words` name, in the inventory's order; all for none.
///
/// # Errors
/// A sentence: a word that is neither, with what there is.
pub fn select(inventory: &Inventory, words: &[String]) -> Result<Vec<Node>, String> {
    if words.is_empty() {
        return Ok(inventory.nodes().to_vec());
    }
    let mut chosen = vec![false; inventory.nodes().len()];
    for word in words {
        let means = |node: &Node| node.name.eq_ignore_ascii_case(word) || node.groups.iter().any(|group| group == word);
        let mut any = false;
        for (node, chosen) in inventory.nodes().iter().zip(&mut chosen) {
            if means(node) {
                *chosen = true;
                any = true;
            }
        }
        if !any {
            return Err(unknown(inventory, word));
        }
    }
    let nodes = inventory.nodes().iter().zip(chosen);
    Ok(nodes.filter(|(_, chosen)| *chosen).map(|(node, _)| node.clone()).collect())
}

fn unknown(inventory: &Inventory, word: &str) -> String {
    let mut names: Vec<&str> = inventory.nodes().iter().map(|node| node.name.as_str()).collect();
    let mut groups: Vec<&str> = inventory.nodes().iter().flat_map(|node| &node.groups).map(String::as_str).collect();
    groups.sort_unstable();
    groups.dedup();
    names.truncate(12);
    let groups = if groups.is_empty() { "no groups".to_owned() } else { format!("groups {}", groups.join(", ")) };
    let word = crate::words::one_line(word, 60);
    format!(
        "--limit {word}: neither a node nor a group of the inventory; there are nodes {} and {groups}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let yaml = "nodes:
  a: { address: 192.0.2.1, groups: [x] }
  b: { address: 192.0.2.2, groups: [x, y] }
  c: { address: 192.0.2.3 }
";
        Inventory::from_bytes("inventory.yaml", yaml.as_bytes()).expect("is good")
    }

    fn names(words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let nodes = select(&inventory(), &words)?;
        Ok(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn nodes_and_groups() {
        assert_eq!(names(&[]).as_deref(), Ok("a b c"));
        assert_eq!(names(&["c", "A"]).as_deref(), Ok("a c"), "in the order of the file, case of no account");
        assert_eq!(names(&["y", "x"]).as_deref(), Ok("a b"), "none twice");
        assert_eq!(
            names(&["a", "d"]).unwrap_err(),
            "--limit d: neither a node nor a group of the inventory; there are nodes a, b, c and groups x, y"
        );
        assert!(names(&[""]).is_err());
    }
}
