//! The user's choice where strips would not be exact: from the words of the command line, or asked on a terminal.

use std::io::IsTerminal as _;

use tokio::sync::mpsc::Receiver;

use crate::progress::Progress;
use crate::render::failure::RenderError;
use crate::render::policy::{self, Policy, PolicyError, SeamsChoice, Wishes};
use crate::render::prepare::Prepared;
use crate::scene::{Class, ClassFlags, classify};

/// The policy; on a terminal the user is asked once where there is a choice, and the answer comes with it.
///
/// # Errors
/// When the scene cannot be shared out as it is and nobody chose a way that can; [`RenderError::Interrupted`].
pub async fn choose(
    prepared: &Prepared,
    class: Class,
    wishes: Wishes,
    may_ask: bool,
    progress: &mut Progress,
    interrupted: &mut Receiver<()>,
) -> Result<(Policy, Option<SeamsChoice>), RenderError> {
    let options = prepared.options();
    match policy::decide(&prepared.verdict, class, options, wishes) {
        Err(PolicyError::Seams { why, two_pass }) if may_ask && std::io::stdin().is_terminal() => {
            progress.clear();
            let error = PolicyError::Seams { why, two_pass };
            // The thread that reads cannot be called back: it ends with the process.
            let question = error.to_string();
            let answer = tokio::task::spawn_blocking(move || ask(&question, two_pass));
            let answer = tokio::select! {
                answer = answer => answer.ok().flatten(),
                _ = interrupted.recv() => return Err(RenderError::Interrupted),
            };
            let Some(choice) = answer else { return Err(error.into()) };
            let wishes = Wishes { seams: Some(choice), ..wishes };
            let flags = ClassFlags { two_pass: choice == SeamsChoice::TwoPass };
            let verdict = classify(&prepared.assets, options, flags);
            Ok((policy::decide(&verdict, verdict.class, options, wishes)?, Some(choice)))
        }
        other => Ok((other?, None)),
    }
}

fn ask(question: &str, two_pass: bool) -> Option<SeamsChoice> {
    eprintln!("td: {question}");
    let keys = if two_pass {
        "[t]wo-pass, [o]ne-node, [a]llow-seams, or [q]uit"
    } else {
        "[o]ne-node, [a]llow-seams, or [q]uit"
    };
    eprint!("{keys}? ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).ok()?;
    match answer.trim().to_ascii_lowercase().chars().next()? {
        't' if two_pass => Some(SeamsChoice::TwoPass),
        'o' => Some(SeamsChoice::OneNode),
        'a' => Some(SeamsChoice::Allow),
        _ => None,
    }
}
