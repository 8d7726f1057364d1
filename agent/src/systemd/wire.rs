//! D-Bus messages as bytes, as much of them as a question to systemd takes (D-Bus specification, "Message Protocol").
//!
//! Always little-endian; every value starts at a multiple of its alignment from the message's start.

/// Length of a message's fixed part.
pub const HEAD: usize = 16;
/// Fields of a header: an array of a byte and a variant.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Return,
    Error,
    /// A call or signal of the other side, which nobody here waits for.
    Other,
}

/// The fixed part of a message that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub kind: Kind,
    /// Bytes between the fixed part and the body.
    pub fields: usize,
    pub body: usize,
}

/// One unit of an answer of systemd's `ListUnits...` calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub name: String,
    /// `loaded`, `not-found` ...
    pub load: String,
    /// `active`, `failed`, `inactive` ...
    pub active: String,
}

/// A call of systemd's manager with one list of strings.
#[must_use]
pub fn call(member: &str, strings: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    push_u32(&mut body, 0);
    for string in strings {
        push_string(&mut body, string);
    }
    let length = u32::try_from(body.len() - 4).unwrap_or(u32::MAX);
    body[..4].copy_from_slice(&length.to_le_bytes());

    // Little-endian, a call, no flags, version 1; the serial is 1.
    let mut message = vec![b'l', 1, 0, 1];
    push_u32(&mut message, u32::try_from(body.len()).unwrap_or(u32::MAX));
    push_u32(&mut message, 1);
    push_u32(&mut message, 0);
    push_field(&mut message, PATH, "o", "/org/freedesktop/systemd1");
    push_field(&mut message, INTERFACE, "s", "org.freedesktop.systemd1.Manager");
    push_field(&mut message, MEMBER, "s", member);
    push_field(&mut message, DESTINATION, "s", "org.freedesktop.systemd1");
    align(&mut message, 8);
    message.extend([SIGNATURE, 1, b'g', 0, 2, b'a', b's', 0]);
    let length = u32::try_from(message.len() - HEAD).unwrap_or(u32::MAX);
    message[12..HEAD].copy_from_slice(&length.to_le_bytes());
    align(&mut message, 8);
    message.extend(body);
    message
}

/// Reads a message's fixed part. None for what is no message, or one of the other byte order.
#[must_use]
pub fn head(bytes: &[u8; HEAD]) -> Option<Head> {
    let word = |at: usize| bytes[at..].first_chunk().map(|word| u32::from_le_bytes(*word) as usize);
    if bytes[0] != b'l' || bytes[3] != 1 {
        return None;
    }
    let kind = match bytes[1] {
        2 => Kind::Return,
        3 => Kind::Error,
        _ => Kind::Other,
    };
    Some(Head { kind, fields: word(12)?.checked_next_multiple_of(8)?, body: word(4)? })
}

/// The units in a body of the type `a(ssssssouso)`.
#[must_use]
pub fn units(body: &[u8]) -> Option<Vec<Unit>> {
    let mut reader = Reader { body, at: 0 };
    let length = reader.word()? as usize;
    reader.align(8);
    let end = reader.at.checked_add(length).filter(|&end| end <= body.len())?;
    let mut units = Vec::new();
    while reader.at < end {
        reader.align(8);
        let (name, _description, load, active) =
            (reader.string()?, reader.string()?, reader.string()?, reader.string()?);
        // Its substate, the unit that it follows, its object; the number, kind and object of a job.
        for _ in 0..3 {
            reader.string()?;
        }
        reader.word()?;
        for _ in 0..2 {
            reader.string()?;
        }
        units.push(Unit { name: name.to_owned(), load: load.to_owned(), active: active.to_owned() });
    }
    Some(units)
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn word(&mut self) -> Option<u32> {
        self.align(4);
        let word = self.body.get(self.at..)?.first_chunk()?;
        self.at += 4;
        Some(u32::from_le_bytes(*word))
    }

    /// Strings and object paths: length, bytes, a zero.
    fn string(&mut self) -> Option<&'a str> {
        let length = self.word()? as usize;
        let end = self.at.checked_add(length)?;
        let text = std::str::from_utf8(self.body.get(self.at..end)?).ok()?;
        self.at = end.checked_add(1)?;
        Some(text)
    }
}

fn align(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

fn push_u32(bytes: &mut Vec<u8>, word: u32) {
    align(bytes, 4);
    bytes.extend(word.to_le_bytes());
}

fn push_string(bytes: &mut Vec<u8>, text: &str) {
    push_u32(bytes, u32::try_from(text.len()).unwrap_or(u32::MAX));
    bytes.extend(text.as_bytes());
    bytes.push(0);
}

fn push_field(bytes: &mut Vec<u8>, field: u8, signature: &str, value: &str) {
    align(bytes, 8);
    bytes.extend([field, 1]);
    bytes.extend(signature.as_bytes());
    bytes.push(0);
    push_string(bytes, value);
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A body as systemd sends it.
    pub fn answer(units: &[(&str, &str)]) -> Vec<u8> {
        let mut structs = Vec::new();
        for (name, active) in units {
            align(&mut structs, 8);
            for text in [name, "what it is", "loaded", active, "sub", "", "/org/freedesktop/systemd1/unit/x"] {
                push_string(&mut structs, text);
            }
            push_u32(&mut structs, 0);
            push_string(&mut structs, "");
            push_string(&mut structs, "/");
        }
        let mut body = Vec::new();
        push_u32(&mut body, u32::try_from(structs.len()).unwrap());
        align(&mut body, 8);
        body.extend(structs);
        body
    }

    #[test]
    fn units_are_read() {
        let names = |units: &[(&str, &str)]| -> Vec<String> {
            super::units(&answer(units))
                .unwrap()
                .into_iter()
                .map(|unit| format!("{} {}", unit.name, unit.active))
                .collect()
        };
        assert!(names(&[]).is_empty());
        assert_eq!(names(&[("a.service", "failed"), ("bc.timer", "active")]), ["a.service failed", "bc.timer active"]);
    }

    /// The bytes that systemctl 252 sends for the same, but for its serial and flags.
    #[test]
    fn a_call_has_its_parts_in_place() {
        let message = call("ListUnitsFiltered", &["failed"]);
        let head = head(message.first_chunk().unwrap()).unwrap();
        assert_eq!(head.kind, Kind::Other);
        assert_eq!(message.len(), HEAD + head.fields + head.body);
        assert_eq!(&message[HEAD + head.fields..], b"\x0b\0\0\0\x06\0\0\0failed\0");
        assert_eq!(super::head(b"B\x02\0\x01\0\0\0\0\0\0\0\0\0\0\0\0"), None, "the other byte order");
    }

    proptest! {
        #[test]
        fn no_body_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = units(&bytes);
        }

        #[test]
        fn a_cut_answer_is_none(cut in 1..100_usize) {
            let body = answer(&[("a.service", "failed"), ("b.service", "failed")]);
            prop_assert_eq!(units(&body[..body.len() - cut]), None);
        }
    }
}
