//! Which branches of `#if` are certainly taken or certainly not.

use std::collections::{HashMap, HashSet};

use super::code::{Code, Item, ItemKind};
use super::outline::{Outline, after_group};

/// Names whose value is one number, whatever POV-Ray runs through.
#[derive(Debug, Default)]
pub struct Constants {
    values: HashMap<String, f64>,
}

impl Constants {
    /// From all texts and the `Declare=` options. A name that is declared twice, read from a file, counted by a loop,
    /// or handed to a macro that changes its parameter is no constant.
    #[must_use]
    pub fn of(texts: &[(&Code, &Outline<'_>)], declared_by_options: &[String]) -> Self {
        let mut values: HashMap<String, Option<f64>> = HashMap::new();
        for name in declared_by_options {
            values.insert(name.clone(), None);
        }
        let mut changing_macros = HashSet::new();
        for (code, outline) in texts {
            for declaration in outline.declarations.values() {
                if declaration.is_macro {
                    let body = &code.items[declaration.body.clone()];
                    let changes = body.windows(2).any(|pair| {
                        matches!(pair[0].directive(), Some("declare" | "local"))
                            && pair[1].word().is_some_and(|word| declaration.params.contains(&word))
                    });
                    if changes {
                        changing_macros.insert(declaration.name);
                    }
                    continue;
                }
                let body = &code.items[declaration.body.clone()];
                let value = Expression::new(body, &Self::default(), &[]).whole();
                let known = values.entry(declaration.name.to_owned()).or_insert(value);
                if *known != value {
                    *known = None;
                }
            }
        }
        for (code, _) in texts {
            for name in changed_elsewhere(&code.items, &changing_macros) {
                values.insert(name.to_owned(), None);
            }
        }
        Self { values: values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect() }
    }

    /// The condition in the parentheses at `open`: true, false, or not known. `hidden` are a macro's parameters.
    #[must_use]
    pub fn holds(&self, items: &[Item], open: usize, hidden: &[&str]) -> Option<bool> {
        let end = after_group(items, open, b'(', b')')?;
        Expression::new(&items[open + 1..end - 1], self, hidden).whole().map(|value| value != 0.0)
    }
}

/// Names that get values other than by `#declare Name =`.
fn changed_elsewhere<'a>(items: &'a [Item], changing_macros: &HashSet<&str>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let by_directive = matches!(item.directive(), Some("read" | "for"));
        let by_macro = item.word().is_some_and(|word| changing_macros.contains(word));
        if by_directive || by_macro {
            let end = after_group(items, at + 1, b'(', b')').unwrap_or(at + 1);
            names.extend(items[at + 1..end].iter().filter_map(Item::word));
        }
        if item.directive() == Some("undef") {
            names.extend(items.get(at + 1).and_then(Item::word));
        }
    }
    names
}

/// A reader of number expressions; anything it does not know makes the value unknown.
struct Expression<'a> {
    items: &'a [Item],
    at: usize,
    constants: &'a Constants,
    hidden: &'a [&'a str],
    depth: usize,
}

impl<'a> Expression<'a> {
    fn new(items: &'a [Item], constants: &'a Constants, hidden: &'a [&'a str]) -> Self {
        Self { items, at: 0, constants, hidden, depth: 0 }
    }

    fn whole(mut self) -> Option<f64> {
        let value = self.logic();
        if self.at == self.items.len() { value } else { None }
    }

    fn eat(&mut self, punct: u8) -> bool {
        let there = self.items.get(self.at).is_some_and(|item| item.is(punct));
        self.at += usize::from(there);
        there
    }

    fn logic(&mut self) -> Option<f64> {
        let mut value = self.comparison();
        loop {
            if self.eat(b'&') {
                let right = self.comparison();
                value = match (value, right) {
                    (Some(0.0), _) | (_, Some(0.0)) => Some(0.0),
                    (Some(_), Some(_)) => Some(1.0),
                    _ => None,
                };
            } else if self.eat(b'|') {
                let right = self.comparison();
                value = match (value, right) {
                    (Some(left), _) if left != 0.0 => Some(1.0),
                    (_, Some(right)) if right != 0.0 => Some(1.0),
                    (Some(_), Some(_)) => Some(0.0),
                    _ => None,
                };
            } else {
                return value;
            }
        }
    }

    #[expect(clippy::float_cmp, reason = "POV-Ray's = on flags; a near miss is the scene's own")]
    fn comparison(&mut self) -> Option<f64> {
        let left = self.sum();
        let compare: fn(f64, f64) -> bool = if self.eat(b'=') {
            |a, b| a == b
        } else if self.eat(b'!') {
            if !self.eat(b'=') {
                return None;
            }
            |a, b| a != b
        } else if self.eat(b'<') {
            if self.eat(b'=') { |a, b| a <= b } else { |a, b| a < b }
        } else if self.eat(b'>') {
            if self.eat(b'=') { |a, b| a >= b } else { |a, b| a > b }
        } else {
            return left;
        };
        let right = self.sum();
        Some(f64::from(u8::from(compare(left?, right?))))
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product();
        loop {
            if self.eat(b'+') {
                let right = self.product();
                value = value.zip(right).map(|(a, b)| a + b);
            } else if self.eat(b'-') {
                let right = self.product();
                value = value.zip(right).map(|(a, b)| a - b);
            } else {
                return value;
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.term();
        loop {
            if self.eat(b'*') {
                let right = self.term();
                value = value.zip(right).map(|(a, b)| a * b);
            } else if self.eat(b'/') {
                let right = self.term();
                value = value.zip(right).filter(|(_, b)| *b != 0.0).map(|(a, b)| a / b);
            } else {
                return value;
            }
        }
    }

    fn term(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > 200 {
            self.at = usize::MAX;
            return None;
        }
        let value = self.term_within_depth();
        self.depth -= 1;
        value
    }

    fn term_within_depth(&mut self) -> Option<f64> {
        if self.eat(b'!') {
            return self.term().map(|value| f64::from(u8::from(value == 0.0)));
        }
        if self.eat(b'-') {
            return self.term().map(|value| -value);
        }
        if self.eat(b'+') {
            return self.term();
        }
        if self.eat(b'(') {
            let value = self.logic();
            return if self.eat(b')') { value } else { None };
        }
        let item = self.items.get(self.at)?;
        self.at += 1;
        match &item.kind {
            ItemKind::Number(number) => Some(f64::from(*number)),
            ItemKind::Word(word) => match &**word {
                "on" | "yes" | "true" => Some(1.0),
                "off" | "no" | "false" => Some(0.0),
                word if self.hidden.contains(&word) => None,
                word => self.constants.values.get(word).copied(),
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str) -> Option<bool> {
        let code = Code::of(text.as_bytes());
        let outline = Outline::of(&code);
        let constants = Constants::of(&[(&code, &outline)], &[]);
        let at = code.items.iter().position(|item| item.directive() == Some("if")).unwrap();
        constants.holds(&code.items, at + 1, &[])
    }

    #[test]
    fn literals_and_constants() {
        assert_eq!(holds("#if (0) #end"), Some(false));
        assert_eq!(holds("#if (1 & (2 > 1)) #end"), Some(true));
        assert_eq!(holds("#declare A = off; #if (A) #end"), Some(false));
        assert_eq!(holds("#declare A = 2; #if (A != 2 | !on) #end"), Some(false));
        assert_eq!(holds("#declare A = 2; #declare A = 3; #if (A) #end"), None);
        assert_eq!(holds("#if (B & 0) #end"), Some(false));
        assert_eq!(holds("#if (clock < 1) #end"), None);
        assert_eq!(holds("#declare A = 0; #macro M(P) #declare P = 1; #end M(A) #if (A) #end"), None);
        assert_eq!(holds("#declare A = 0; #read (F, A) #if (A) #end"), None);
        assert_eq!(holds(&format!("#if ({} 1", "(".repeat(5000))), None);
    }
}
