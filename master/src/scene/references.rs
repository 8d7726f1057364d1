//! The file names in a text of POV-Ray's language.

use std::collections::BTreeSet;

use super::lexer::{Lexer, Token, TokenKind, unescape};
use super::names::{FileKind, ImageKind, is_plausible};

/// A string literal that is, or may be, the name of a file that POV-Ray reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name, as POV-Ray takes it.
    pub name: String,
    pub kind: FileKind,
    /// The language says that this is a file that is read (`#include "x"`, `png "x"`), so it has to exist if
    /// POV-Ray comes by. All other literals count only when such a file is there.
    pub certain: bool,
    pub line: u32,
    /// Where the literal's bytes lie in the text, without the quotes.
    pub start: usize,
    pub end: usize,
}

/// All references of a text, in order. Each literal gives one, or two where its escapes may count or not.
#[must_use]
pub fn find(text: &[u8]) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut before: [Option<TokenKind<'_>>; 2] = [None, None];
    let mut tokens = Lexer::new(text).peekable();
    while let Some(token) = tokens.next() {
        if let TokenKind::Text(raw) = token.kind {
            let after = tokens.peek().map(|token| token.kind);
            push(&mut found, &token, raw, before, after);
        }
        before = [before[1], Some(token.kind)];
    }
    found
}

fn push(
    found: &mut Vec<Reference>,
    token: &Token<'_>,
    raw: &[u8],
    before: [Option<TokenKind<'_>>; 2],
    after: Option<TokenKind<'_>>,
) {
    use TokenKind::{Directive, Word};
    let (kind, certain) = match before {
        [_, Some(Directive("include"))] => (FileKind::Include, true),
        [_, Some(Word("ttf"))] => (FileKind::Font, true),
        [_, Some(Word("df3"))] => (FileKind::Density, true),
        [Some(Directive("fopen")), Some(Word(_))] => match after {
            Some(Word("read")) => (FileKind::Exact, true),
            Some(Word("append")) => (FileKind::Exact, false),
            _ => return,
        },
        [_, Some(Word("save_file"))] => return,
        [_, Some(Word("load_file"))] => (FileKind::Exact, true),
        [_, Some(Word(word))] => match ImageKind::from_word(word) {
            Some(image) => (FileKind::Image(image), true),
            None => (FileKind::Exact, false),
        },
        _ => (FileKind::Exact, false),
    };
    let start = token.offset + 1;
    let names: BTreeSet<Vec<u8>> = if certain { [raw.to_vec()].into() } else { [raw.to_vec(), unescape(raw)].into() };
    for name in names {
        let Ok(name) = String::from_utf8(name) else {
            continue;
        };
        if is_plausible(&name) {
            let end = start + raw.len();
            found.push(Reference { name, kind, certain, line: token.line, start, end });
        }
    }
}

/// The scene that a POV-Ray .ini file names (`Input_File_Name=x.pov` or `+Ix.pov`): the last one before any
/// section, or in the section asked for.
#[must_use]
pub fn ini_input_file(text: &str, section: Option<&str>) -> Option<String> {
    let mut here = true;
    let mut input = None;
    for line in text.lines() {
        let line = line.split(';').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            here = section.is_some_and(|wanted| wanted.eq_ignore_ascii_case(name.trim()));
            continue;
        }
        if !here {
            continue;
        }
        let unquoted = |value: &str| value.trim().trim_matches(['"', '\'']).to_owned();
        if let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("Input_File_Name")
        {
            input = Some(unquoted(value));
            continue;
        }
        for word in line.split_whitespace() {
            if let Some(name) = word.strip_prefix("+I").or_else(|| word.strip_prefix("+i")) {
                input = Some(unquoted(name));
            }
        }
    }
    input.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_their_kinds() {
        let text = br#"#include "colors" // #include "no.inc"
            pigment { image_map { jpeg "a.jpg" } } height_field { png "h" }
            text { ttf "timrom" "Hi" 1, 0 }
            density_file df3 "d.df3"
            #fopen F "data.txt" read  #fopen G "out.txt" write
            radiosity { save_file "x.rca" load_file "y.rca" }
            Load("m.png")"#;
        let got: Vec<_> = find(text).into_iter().map(|r| (r.name, r.kind, r.certain, r.line)).collect();
        let expect = [
            ("colors", FileKind::Include, true, 1),
            ("a.jpg", FileKind::Image(ImageKind::Jpeg), true, 2),
            ("h", FileKind::Image(ImageKind::Png), true, 2),
            ("timrom", FileKind::Font, true, 3),
            ("Hi", FileKind::Exact, false, 3),
            ("d.df3", FileKind::Density, true, 4),
            ("data.txt", FileKind::Exact, true, 5),
            ("y.rca", FileKind::Exact, true, 6),
            ("m.png", FileKind::Exact, false, 7),
        ];
        assert_eq!(got, expect.map(|(name, kind, certain, line)| (name.to_owned(), kind, certain, line)));
    }

    #[test]
    fn offsets_cut_the_literal_out() {
        let text = br#" #include "a b.inc""#;
        let reference = &find(text)[0];
        assert_eq!(&text[reference.start..reference.end], b"a b.inc");
    }

    #[test]
    fn ini_files_name_their_scene() {
        let ini = "; x\nInput_File_Name=\"a.pov\"\n[Low]\n+Ib.pov +W10\n[High]\ninput_file_name = c.pov";
        assert_eq!(ini_input_file(ini, None).as_deref(), Some("a.pov"));
        assert_eq!(ini_input_file(ini, Some("low")).as_deref(), Some("b.pov"));
        assert_eq!(ini_input_file(ini, Some("High")).as_deref(), Some("c.pov"));
        assert_eq!(ini_input_file("Width=1", None), None);
    }
}
