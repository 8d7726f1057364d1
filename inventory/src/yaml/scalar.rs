//! What a plain scalar is: null, a truth value, a number or text. `serde_yaml`'s own rules, so that both readers of a file
//! see the same values.

use saphyr_parser::ScalarStyle;

use super::tree::Value;

pub(super) fn resolve(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match text.parse() {
            Ok(number) => Value::Number(number),
            // Digits beyond 64 bits, which `serde_yaml` refuses to read at all: still a number, and out of every range.
            Err(_) => match text.parse::<f64>() {
                Ok(huge) if huge.abs() > 1e18 && huge.is_finite() => Value::Number(huge.into()),
                _ => Value::Text(text.to_owned()),
            },
        },
    }
}
