//! `Declare=name=value`: identifiers given to the scene from outside.
//!
//! POV-Ray writes them into its parser as text, so only what is certainly one number or one string comes through.

use crate::options::values;

/// One identifier and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Declare {
    pub name: String,
    pub value: DeclareValue,
}

/// POV-Ray takes numbers and strings.
#[derive(Debug, Clone, PartialEq)]
pub enum DeclareValue {
    Number(f64),
    Text(String),
}

/// POV-Ray's longest identifier.
const LONGEST_NAME: usize = 40;

impl Declare {
    /// Reads what is behind `Declare=`.
    ///
    /// # Errors
    /// What is wrong with it, as the beginning of a sentence.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, value) = text.split_once('=').ok_or("the name or its value is missing")?;
        if !is_identifier(name) {
            return Err("the name must be a letter or _, then up to 39 letters, digits and _");
        }
        let value = if value.contains('"') {
            DeclareValue::Text(string(value)?)
        } else {
            DeclareValue::Number(decimal(value)?)
        };
        Ok(Self { name: name.to_owned(), value })
    }

    /// As one argument for POV-Ray.
    #[must_use]
    pub fn argument(&self) -> String {
        match &self.value {
            DeclareValue::Number(number) => {
                format!("Declare={}={}", self.name, values::shortest(*number))
            }
            DeclareValue::Text(text) => format!("Declare='{}=\"{text}\"'", self.name),
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.len() <= LONGEST_NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn decimal(value: &str) -> Result<f64, &'static str> {
    values::number(value).ok_or("the value must be one number, or a text in quotes")
}

fn string(value: &str) -> Result<String, &'static str> {
    let text = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .ok_or("the text must be in one pair of quotes")?;
    let allowed = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\'' | '\\');
    if text.is_empty() || !text.chars().all(allowed) {
        return Err("the text may hold letters, digits, blanks and signs of ASCII, but no quotes and no \\");
    }
    Ok(text.to_owned())
}
