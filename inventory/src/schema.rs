//! The table of keys as JSON Schema (draft 2020-12), for editors that complete and check YAML.

use serde_json::{Map, Value, json};

use crate::keys::{Fallback, Key, Kind, TOP};
use crate::model::Model;
use crate::names::Text;

/// The JSON Schema of `inventory.yaml`. It refuses what single keys can get wrong; what needs several keys (two nodes with
/// one address) only the reader knows.
pub fn json_schema() -> Value {
    let mut schema = keys(&TOP);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "td inventory",
        "description": "What the cluster is: td's inventory.yaml.",
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    schema
}

fn keys(known: &[Key]) -> Value {
    let properties: Map<_, _> = known.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<_> = known.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut value = kind(&key.kind);
    if let Value::Object(value) = &mut value {
        let mut about = key.about.to_owned();
        match key.fallback {
            Fallback::None => {}
            Fallback::Number(number) => drop(value.insert("default".to_owned(), number.into())),
            Fallback::Text(text) => drop(value.insert("default".to_owned(), text.into())),
            Fallback::Said(words) => about.push_str(&format!(" Default: {words}.")),
        }
        value.insert("description".to_owned(), about.into());
    }
    value
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text(kind) => text(*kind),
        Kind::Whole(range, _) => {
            json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
        }
        Kind::OneOf(values, _) => json!({ "enum": values }),
        Kind::Model => json!({ "enum": Model::all().map(Model::id).collect::<Vec<_>>() }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::List(kind) => json!({ "type": "array", "items": text(*kind), "uniqueItems": true }),
        Kind::Keys(known) => keys(known),
        Kind::Limit(limit) => {
            let number = if limit.whole { "integer" } else { "number" };
            let pattern = format!("^(none|[0-9]+(\\.[0-9]+)? ?{})$", limit.unit);
            let bound = json!({ "anyOf": [
                { "type": number, "minimum": 0, "maximum": limit.most },
                { "type": "string", "pattern": pattern },
            ]});
            json!({
                "type": "object",
                "properties": { "warn": bound, "fail": bound },
                "additionalProperties": false,
            })
        }
        Kind::Source(known) => {
            let mut source = keys(known);
            if let Value::Object(source) = &mut source {
                source.insert("minProperties".to_owned(), 1.into());
                source.insert("maxProperties".to_owned(), 1.into());
            }
            source
        }
        Kind::Named(name, known) => json!({
            "type": "object",
            "minProperties": 1,
            "propertyNames": text(*name),
            "additionalProperties": keys(known),
        }),
    }
}

fn text(kind: Text) -> Value {
    json!({ "type": "string", "pattern": kind.pattern() })
}
