//! The tokens of a text that matter for its class: words, braces, directives; not the numbers of a mesh.

use crate::scene::lexer::{Lexer, TokenKind};

/// One kept token.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub kind: ItemKind,
    pub line: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    Word(Box<str>),
    Directive(Box<str>),
    Text(Box<str>),
    Number(f32),
    Punct(u8),
}

impl Item {
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        if let ItemKind::Word(word) = &self.kind { Some(word) } else { None }
    }

    #[must_use]
    pub fn directive(&self) -> Option<&str> {
        if let ItemKind::Directive(word) = &self.kind { Some(word) } else { None }
    }

    #[must_use]
    pub fn number(&self) -> Option<f32> {
        if let ItemKind::Number(number) = self.kind { Some(number) } else { None }
    }

    #[must_use]
    pub fn is(&self, punct: u8) -> bool {
        self.kind == ItemKind::Punct(punct)
    }
}

/// The kept tokens of one text.
#[derive(Debug, Clone, Default)]
pub struct Code {
    pub items: Vec<Item>,
}

impl Code {
    /// Reads a text. In vectors and lists outside conditions, only the words are kept, so that a mesh of millions of
    /// numbers stays small.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let mut items: Vec<Item> = Vec::new();
        // Depth of parentheses in the condition of `#if` and the like; there everything is kept.
        let mut condition = 0usize;
        let mut after_directive = false;
        let mut in_list = false;
        for token in Lexer::new(text) {
            let keep_all = condition > 0;
            let kind = match token.kind {
                TokenKind::Word(word) => ItemKind::Word(word.into()),
                TokenKind::Directive(word) => ItemKind::Directive(word.into()),
                TokenKind::Text(raw) => ItemKind::Text(String::from_utf8_lossy(raw).into()),
                #[expect(clippy::cast_possible_truncation, reason = "POV-Ray's gamma and the like are floats")]
                TokenKind::Number(number) => ItemKind::Number(number as f32),
                TokenKind::Punct(punct) => ItemKind::Punct(punct),
            };
            match kind {
                ItemKind::Punct(b'(') if condition > 0 || after_directive => condition += 1,
                ItemKind::Punct(b')') => condition = condition.saturating_sub(1),
                _ => {}
            }
            let drop = match kind {
                ItemKind::Number(_) => in_list,
                ItemKind::Punct(punct) => matches!(punct, b',' | b'<' | b'>'),
                _ => false,
            };
            in_list = match kind {
                ItemKind::Number(_) => in_list,
                ItemKind::Punct(punct) => {
                    matches!(punct, b',' | b'<' | b'>') || (in_list && matches!(punct, b'-' | b'+'))
                }
                _ => false,
            };
            after_directive = match &kind {
                ItemKind::Directive(word) => {
                    matches!(
                        &**word,
                        "if" | "ifdef" | "ifndef" | "elseif" | "while" | "for" | "switch" | "case" | "range"
                    )
                }
                _ => false,
            };
            if keep_all || !drop {
                items.push(Item { kind, line: token.line });
            }
        }
        items.shrink_to_fit();
        Self { items }
    }
}
