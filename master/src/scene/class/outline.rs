//! Where the declarations and macros of one text begin and end.

use std::collections::HashMap;
use std::ops::Range;

use super::code::{Code, Item};

/// A declaration or a macro: its words count only where its name is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration<'a> {
    pub name: &'a str,
    /// A macro's parameters; they hide declarations of the same name.
    pub params: Vec<&'a str>,
    pub is_macro: bool,
    pub body: Range<usize>,
    /// Where reading goes on when the body is passed over.
    pub end: usize,
    /// Where the body ends is not sure, so its words count where it stands, too.
    pub open_ended: bool,
}

/// After so many declarations whose braces never close, the rest is read as if it were outside declarations: each
/// takes a search to the end of the text. POV-Ray refuses such a text at the first.
const MAX_UNCLOSED: usize = 50;

/// Parentheses and brackets with more inside are taken as never closed.
const MAX_IN_PARENTHESES: usize = 5_000;

/// The declarations of one text, by the position of their directive.
#[derive(Debug, Default)]
pub struct Outline<'a> {
    pub declarations: HashMap<usize, Declaration<'a>>,
    /// The `#end` of each `#if`, `#macro` and so on.
    pub ends: HashMap<usize, usize>,
}

impl<'a> Outline<'a> {
    #[must_use]
    pub fn of(code: &'a Code) -> Self {
        let items = &code.items;
        let ends = ends(items);
        let mut declarations = HashMap::new();
        let mut unclosed = 0;
        for (at, item) in items.iter().enumerate() {
            if unclosed > MAX_UNCLOSED {
                break;
            }
            let found = match item.directive() {
                Some("declare" | "local") => declaration(items, &ends, at),
                Some("macro") => macro_declaration(items, &ends, at),
                _ => None,
            };
            if let Some(found) = found {
                unclosed += usize::from(found.body.is_empty() || (found.is_macro && found.open_ended));
                declarations.insert(at, found);
            }
        }
        Self { declarations, ends }
    }
}

/// The `#end` of each directive that has one.
fn ends(items: &[Item]) -> HashMap<usize, usize> {
    let mut ends = HashMap::new();
    let mut open = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match item.directive() {
            Some(directive) if opens_block(directive) => open.push(at),
            Some("end") => {
                if let Some(start) = open.pop() {
                    ends.insert(start, at);
                }
            }
            _ => {}
        }
    }
    ends
}

/// `#declare Name[...] = value`.
fn declaration<'a>(items: &'a [Item], ends: &HashMap<usize, usize>, at: usize) -> Option<Declaration<'a>> {
    let name = items.get(at + 1)?.word()?;
    let mut next = at + 2;
    while items.get(next).is_some_and(|item| item.is(b'[')) {
        next = after_group(items, next, b'[', b']')?;
    }
    if !items.get(next)?.is(b'=') {
        return None;
    }
    let start = next + 1;
    let (end, open_ended) = match value_end(items, ends, start) {
        Some(end) => (end, false),
        None => (expression_end(items, start), true),
    };
    // Without its semicolon, a value may be followed by a call that POV-Ray takes for a statement of its own.
    let has_semicolon = items.get(end).is_some_and(|item| item.is(b';'));
    let body = start..end;
    let open_ended = open_ended && !has_semicolon && body.len() > 1;
    Some(Declaration { name, params: Vec::new(), is_macro: false, body, end, open_ended })
}

/// The end of a value that has braces or is a conditional; `None` for plain expressions.
fn value_end(items: &[Item], ends: &HashMap<usize, usize>, start: usize) -> Option<usize> {
    if let Some(directive) = items.get(start)?.directive() {
        return ends.get(&start).filter(|_| opens_block(directive)).map(|end| end + 1);
    }
    let word = items.get(start)?.word()?;
    let mut open = start + 1;
    match word {
        "array" => {
            while items.get(open).is_some_and(|item| item.is(b'[')) {
                open = after_group(items, open, b'[', b']')?;
            }
            if !items.get(open).is_some_and(|item| item.is(b'{')) {
                return Some(open);
            }
        }
        "function" if items.get(open).is_some_and(|item| item.is(b'(')) => {
            open = after_group(items, open, b'(', b')')?;
        }
        _ => {}
    }
    if !items.get(open).is_some_and(|item| item.is(b'{')) {
        return None;
    }
    let mut end = after_group(items, open, b'{', b'}')?;
    // Layers: `texture { } texture { }` is one value.
    while word == "texture"
        && items.get(end).and_then(Item::word) == Some("texture")
        && items.get(end + 1).is_some_and(|item| item.is(b'{'))
    {
        end = after_group(items, end + 1, b'{', b'}')?;
    }
    Some(end)
}

/// The end of a value without braces: its semicolon, or what cannot belong to it.
fn expression_end(items: &[Item], start: usize) -> usize {
    let mut at = start;
    while let Some(item) = items.get(at) {
        let starts_block = item.word().is_some() && items.get(at + 1).is_some_and(|item| item.is(b'{'));
        if item.is(b';') || item.is(b'}') || item.is(b'{') || item.directive().is_some() || starts_block {
            break;
        }
        at += 1;
    }
    at
}

/// `#macro Name(A, B) body #end`.
fn macro_declaration<'a>(items: &'a [Item], ends: &HashMap<usize, usize>, at: usize) -> Option<Declaration<'a>> {
    let name = items.get(at + 1)?.word()?;
    let body_start = after_group(items, at + 2, b'(', b')').unwrap_or(at + 2);
    let params = items[at + 2..body_start].iter().filter_map(Item::word).collect();
    let (end, open_ended) = match ends.get(&at) {
        Some(end) => (*end, false),
        None => (items.len(), true),
    };
    let body = body_start..end.max(body_start);
    Some(Declaration { name, params, is_macro: true, end: (body.end + 1).min(items.len()), body, open_ended })
}

/// Whether a directive is closed by `#end`.
fn opens_block(directive: &str) -> bool {
    matches!(directive, "if" | "ifdef" | "ifndef" | "switch" | "while" | "for" | "macro")
}

/// The position behind the bracket that closes the one at `open`. Of the branches of a conditional, each starts with
/// the depth that the first one started with: `#if (A) union { #else merge { #end` opens one brace.
#[must_use]
pub fn after_group(items: &[Item], open: usize, left: u8, right: u8) -> Option<usize> {
    if !items.get(open)?.is(left) {
        return None;
    }
    let mut depth = 0usize;
    let mut branches: Vec<usize> = Vec::new();
    let most = if left == b'{' { usize::MAX } else { MAX_IN_PARENTHESES };
    for (position, item) in items.iter().enumerate().skip(open).take(most) {
        match item.directive() {
            Some(directive) if opens_block(directive) => branches.push(depth),
            Some("else" | "elseif" | "case" | "range") => depth = branches.last().copied().unwrap_or(depth),
            Some("end") => {
                branches.pop();
                if depth == 0 && branches.is_empty() {
                    return Some(position + 1);
                }
            }
            _ => {}
        }
        if item.is(left) {
            depth += 1;
        } else if item.is(right) {
            depth = depth.saturating_sub(1);
            if depth == 0 && branches.is_empty() {
                return Some(position + 1);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Vec<(String, String, bool)> {
        let code = Code::of(text.as_bytes());
        let outline = Outline::of(&code);
        let mut found: Vec<_> = outline.declarations.iter().collect();
        found.sort_by_key(|(at, _)| **at);
        found
            .into_iter()
            .map(|(_, declaration)| {
                let words = code.items[declaration.body.clone()].iter().filter_map(Item::word);
                (declaration.name.to_owned(), words.collect::<Vec<_>>().join(" "), declaration.open_ended)
            })
            .collect()
    }

    fn one(name: &str, words: &str, open_ended: bool) -> (String, String, bool) {
        (name.to_owned(), words.to_owned(), open_ended)
    }

    #[test]
    fn bodies_end_where_they_should() {
        assert_eq!(
            outline("#declare A = texture { a } texture { b } sphere { c }"),
            [one("A", "texture a texture b", false)]
        );
        assert_eq!(outline("#declare A = color Red * 2 sphere { c }"), [one("A", "color Red", true)]);
        assert_eq!(outline("#declare A = Call(1, B); Other(2)"), [one("A", "Call B", false)]);
        assert_eq!(
            outline("#declare A = B #declare C[1][2] = array[2] { D, E } F"),
            [one("A", "B", false), one("C", "array D E", false)]
        );
        assert_eq!(outline("#local F = function(x) { y } g"), [one("F", "function x y", false)]);
        assert_eq!(outline("#declare A = #if (x) t { a } #else t { b } #end; c"), [one("A", "x t a t b", false)]);
        assert_eq!(outline("#macro M(P, Q) #if (P) a #end b #end c"), [one("M", "P a b", false)]);
        assert_eq!(outline("#declare A = #if (1) union { #else merge { #end a } b"), [one("A", "union merge", false)]);
        assert_eq!(outline("#declare A = x { #if (1) union { #else merge { #end a } } b")[0].1, "x union merge a");
        assert_eq!(outline("#macro M(P) a"), [one("M", "a", true)]);
    }
}
