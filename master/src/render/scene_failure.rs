//! A failure that no other node would mend, in the user's words.

use td_protocol::strip::Failure;

use crate::render::attempt::AttemptEnd;
use crate::render::failure::RenderError;
use crate::scene::{Assets, FailureKind, read_failure};

/// What a failure that no other node would mend means for the user, in POV-Ray's own words where it has some.
#[must_use]
pub fn scene_failure(assets: &Assets, failure: &Failure, message: &str, povray: &str, had_traced: bool) -> AttemptEnd {
    match failure {
        Failure::Stalled => {
            let doing = if had_traced { "rendering" } else { "reading the scene" };
            let what = message.replace(" and was stopped", &format!(" ({doing})"));
            return AttemptEnd::Failed(RenderError::Stalled { what });
        }
        Failure::Scene => {}
        _ => return AttemptEnd::Failed(RenderError::Povray(message.to_owned())),
    }
    let Some(told) = read_failure(povray) else {
        let tail: Vec<&str> = povray.lines().rev().filter(|line| !line.trim().is_empty()).take(5).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return AttemptEnd::Failed(RenderError::Povray(format!("{message}:\n{}", tail.join("\n"))));
    };
    if let FailureKind::MissingFile { name } = &told.kind {
        return AttemptEnd::MissingFile { name: name.clone(), povray: povray.to_owned() };
    }
    let mut text = match told.place(assets) {
        Some((file, line)) => format!("{}:{line}: {}", file.display(), told.text),
        None => format!("POV-Ray: {}", told.text),
    };
    if let Some(excerpt) = told.excerpt(assets) {
        text.push_str(&format!("\n  {excerpt}"));
    }
    AttemptEnd::Failed(RenderError::Povray(text))
}
