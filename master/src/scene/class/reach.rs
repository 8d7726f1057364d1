//! The words that a scene really uses: those outside declarations and macros, and those in declarations and macros
//! whose names are used.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::path::Path;

use super::code::{Code, Item, ItemKind};
use super::condition::Constants;
use super::feature::{Context, Finds};
use super::known::has_crand;
use super::outline::{Outline, after_group};
use crate::scene::assets::{Assets, SceneText};

/// One text with its declarations.
struct Unit<'a> {
    text: &'a SceneText,
    path: &'a Path,
    outline: Outline<'a>,
}

/// A declaration: the text it stands in, and where.
type DeclarationId = (usize, usize);

/// A piece of text to be read.
#[derive(Debug, Clone)]
struct Visit {
    unit: usize,
    range: Range<usize>,
    certain: bool,
    declaration: Option<usize>,
}

/// One open conditional.
struct Branch {
    /// Whether the branch that is being read is taken.
    taken: Option<bool>,
    /// Whether an earlier branch certainly was.
    done: bool,
    is_switch: bool,
    is_loop: bool,
    /// The blocks that were open before the first branch.
    blocks: Vec<usize>,
}

/// Reads what the scene uses.
pub struct Reader<'a> {
    assets: &'a Assets,
    units: Vec<Unit<'a>>,
    by_path: HashMap<&'a Path, usize>,
    by_name: HashMap<&'a str, Vec<DeclarationId>>,
    constants: Constants,
    declared_by_options: Vec<String>,
    set_elsewhere: HashSet<&'a str>,
    /// Pieces that were read, and whether as certain.
    seen: HashMap<DeclarationId, bool>,
    queue: VecDeque<Visit>,
}

/// POV-Ray refuses texts with more conditionals within one another.
const MAX_BRANCHES: usize = 200;

/// Braces within one another that are told apart.
const MAX_BLOCKS: usize = 2_000;

/// The key of a whole text in `seen`.
const WHOLE: usize = usize::MAX;

impl<'a> Reader<'a> {
    #[must_use]
    pub fn new(assets: &'a Assets, declared_by_options: Vec<String>) -> Self {
        let mut units: Vec<Unit<'a>> =
            assets.texts.iter().map(|(path, text)| Unit { text, path, outline: Outline::of(&text.code) }).collect();
        units.sort_by_key(|unit| unit.path);
        let mut by_name: HashMap<&str, Vec<DeclarationId>> = HashMap::new();
        for (unit, of) in units.iter().enumerate() {
            for (at, declaration) in &of.outline.declarations {
                by_name.entry(declaration.name).or_default().push((unit, *at));
            }
        }
        by_name.values_mut().for_each(|ids| ids.sort_unstable());
        let texts: Vec<(&Code, &Outline<'_>)> = units.iter().map(|unit| (&unit.text.code, &unit.outline)).collect();
        let constants = Constants::of(&texts, &declared_by_options);
        let set_elsewhere = set_elsewhere(&units);
        let by_path = units.iter().enumerate().map(|(number, unit)| (unit.path, number)).collect();
        let (seen, queue) = (HashMap::new(), VecDeque::new());
        Self { assets, units, by_path, by_name, constants, declared_by_options, set_elsewhere, seen, queue }
    }

    /// Reads the scene from its first line, and the texts found by trial.
    #[must_use]
    pub fn read(mut self) -> Finds {
        let mut finds = Finds::default();
        if let Some(scene) = self.by_path.get(self.assets.scene_text.as_path()).copied() {
            self.visit_text(scene, true);
        }
        for unit in 0..self.units.len() {
            if self.units[unit].text.by_trial {
                self.visit_text(unit, false);
            }
        }
        while let Some(visit) = self.queue.pop_front() {
            self.read_piece(&visit, &mut finds);
        }
        finds
    }

    fn visit_text(&mut self, unit: usize, certain: bool) {
        let range = 0..self.units[unit].text.code.items.len();
        self.visit((unit, WHOLE), Visit { unit, range, certain, declaration: None });
    }

    fn visit_name(&mut self, name: &str, certain: bool) {
        let ids = self.by_name.get(name).cloned().unwrap_or_default();
        // Of several declarations of one name, which one holds where is not known.
        let certain = certain && ids.len() == 1;
        for (unit, at) in ids {
            let Some(declaration) = self.units[unit].outline.declarations.get(&at) else {
                continue;
            };
            let range = declaration.body.clone();
            self.visit((unit, at), Visit { unit, range, certain, declaration: Some(at) });
        }
    }

    fn visit(&mut self, key: DeclarationId, visit: Visit) {
        match self.seen.get(&key) {
            Some(true) => return,
            Some(false) if !visit.certain => return,
            _ => {}
        }
        self.seen.insert(key, visit.certain);
        // What is certain is read first, so that most is read once.
        if visit.certain { self.queue.push_front(visit) } else { self.queue.push_back(visit) }
    }

    fn read_piece(&mut self, visit: &Visit, finds: &mut Finds) {
        let text = self.units[visit.unit].text;
        let items = &text.code.items[..visit.range.end.min(text.code.items.len())];
        let hidden: Vec<&'a str> = visit
            .declaration
            .and_then(|at| self.units[visit.unit].outline.declarations.get(&at))
            .map(|declaration| declaration.params.clone())
            .unwrap_or_default();
        let mut branches: Vec<Branch> = Vec::new();
        let mut blocks: Vec<usize> = Vec::new();
        let mut at = visit.range.start;
        while let Some(item) = items.get(at).filter(|_| branches.len() <= MAX_BRANCHES) {
            let dead = branches.iter().any(|branch| branch.taken == Some(false));
            let certain = visit.certain && branches.iter().all(|branch| branch.taken == Some(true));
            let mut next = at + 1;
            match &item.kind {
                ItemKind::Directive(directive) => {
                    next = self.directive(visit.unit, items, at, directive, &hidden, &mut branches, &mut blocks);
                    if &**directive == "include"
                        && !dead
                        && let Some(ItemKind::Text(name)) = items.get(at + 1).map(|item| &item.kind)
                    {
                        self.visit_include(name, certain);
                    }
                }
                _ if dead => {}
                ItemKind::Punct(b'{') if blocks.len() < MAX_BLOCKS => blocks.push(at.saturating_sub(1)),
                ItemKind::Punct(b'}') => {
                    blocks.pop();
                }
                ItemKind::Word(word) => {
                    let context = Context { text, items, blocks: &blocks, at, certain };
                    finds.word(word, &context);
                    if !hidden.contains(&&**word) {
                        self.visit_name(word, certain);
                        if !self.assets.has_standard && !self.by_name.contains_key(&**word) && has_crand(word) {
                            finds.known_crand(&context);
                        }
                    }
                }
                ItemKind::Text(_) | ItemKind::Number(_) | ItemKind::Punct(_) => {}
            }
            at = next.max(at + 1);
        }
    }

    fn visit_include(&mut self, name: &str, certain: bool) {
        let unit = self.assets.includes.get(name).and_then(|path| self.by_path.get(path.as_path()));
        if let Some(unit) = unit.copied() {
            self.visit_text(unit, certain);
        }
    }

    /// Follows a directive; the position where reading goes on.
    #[expect(clippy::too_many_arguments, reason = "the state of one reading, borrowed in parts")]
    fn directive(
        &self,
        unit: usize,
        items: &[Item],
        at: usize,
        directive: &str,
        hidden: &[&str],
        branches: &mut Vec<Branch>,
        blocks: &mut Vec<usize>,
    ) -> usize {
        let open = |taken, is_switch, is_loop, blocks: &[usize]| Branch {
            taken,
            done: taken == Some(true),
            is_switch,
            is_loop,
            blocks: blocks.to_vec(),
        };
        let behind_condition = after_group(items, at + 1, b'(', b')').unwrap_or(at + 1);
        match directive {
            "declare" | "local" | "macro" => {
                let Some(declaration) = self.units[unit].outline.declarations.get(&at) else {
                    return at + 1;
                };
                if declaration.open_ended { declaration.body.start } else { declaration.end }
            }
            "if" => {
                let taken = self.constants.holds(items, at + 1, hidden);
                branches.push(open(taken, false, false, blocks));
                behind_condition
            }
            "ifdef" | "ifndef" => {
                let taken = self.is_declared(unit, items, at).map(|declared| declared == (directive == "ifdef"));
                branches.push(open(taken, false, false, blocks));
                behind_condition
            }
            "switch" => {
                branches.push(open(None, true, false, blocks));
                behind_condition
            }
            "while" | "for" => {
                // A loop that runs at all is certain enough.
                let taken = self.constants.holds(items, at + 1, hidden).unwrap_or(true);
                branches.push(open(Some(taken), false, true, blocks));
                behind_condition
            }
            "else" | "elseif" | "case" | "range" => {
                let conditional = directive != "else";
                if let Some(branch) = branches.last_mut().filter(|branch| !branch.is_loop) {
                    blocks.clone_from(&branch.blocks);
                    branch.taken = match (branch.is_switch, branch.done, branch.taken) {
                        (true, _, _) => None,
                        (false, true, _) => Some(false),
                        (false, false, Some(false)) if conditional => self.constants.holds(items, at + 1, hidden),
                        (false, false, Some(false)) => Some(true),
                        _ => None,
                    };
                    branch.done |= branch.taken == Some(true);
                }
                if conditional { behind_condition } else { at + 1 }
            }
            "end" => {
                branches.pop();
                at + 1
            }
            "undef" => at + 2,
            _ => at + 1,
        }
    }

    /// Whether the name in `#ifdef (Name)` is declared when POV-Ray comes by.
    fn is_declared(&self, unit: usize, items: &[Item], at: usize) -> Option<bool> {
        let name = items.get(at + 2)?.word()?;
        if self.declared_by_options.iter().any(|option| option == name) {
            return None;
        }
        let Some(ids) = self.by_name.get(name) else {
            // `#for` and `#read` declare, too.
            return (!self.set_elsewhere.contains(name)).then_some(false);
        };
        // The guard of an include: all its declarations stand within this very conditional.
        let end = *self.units[unit].outline.ends.get(&at)?;
        ids.iter().all(|(of, position)| *of == unit && (at..end).contains(position)).then_some(false)
    }
}

/// The names in `#ifdef` and `#ifndef` that stand somewhere else, too: `#for` and `#read` may set them.
fn set_elsewhere<'a>(units: &[Unit<'a>]) -> HashSet<&'a str> {
    let asks = |item: Option<&Item>| matches!(item.and_then(Item::directive), Some("ifdef" | "ifndef"));
    let mut asked = HashSet::new();
    let mut elsewhere = HashSet::new();
    for pass in [true, false] {
        for unit in units {
            let text: &'a SceneText = unit.text;
            for (at, item) in text.code.items.iter().enumerate() {
                let Some(word) = item.word() else { continue };
                let before = |n: usize| at.checked_sub(n).and_then(|at| text.code.items.get(at));
                if asks(before(2)) {
                    asked.insert(word);
                } else if !pass && asked.contains(word) && before(1).and_then(Item::directive) != Some("undef") {
                    elsewhere.insert(word);
                }
            }
        }
    }
    elsewhere
}
