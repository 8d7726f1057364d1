//! POV-Ray as this agent found it; looked for again when that is not how things are any more.
//!
//! A thread of its own looks, since it may have to render for it. What was found holds until a master greets: then POV-Ray
//! is looked for anew where there was none, or where the program is another one now. An agent outlives `apt-get install`.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use td_protocol::hello::{Fingerprint, PovrayState};
use tokio::sync::watch;

use crate::fingerprint;
use crate::povray::locate::{self, Povray, binary_identity};
use crate::priority;
use crate::store::blobs::Blobs;

/// Questions about the node's health look again after this at the soonest: who keeps the node asks each few seconds.
const NOT_SOONER: Duration = Duration::from_secs(60);

/// POV-Ray as this agent found it.
#[derive(Debug, Clone)]
pub enum Renderer {
    Ready { povray: Arc<Povray>, fingerprint: Fingerprint, state_file_proven: bool, speed: f64 },
    Unusable { message: String },
}

impl From<Renderer> for PovrayState {
    fn from(renderer: Renderer) -> Self {
        match renderer {
            Renderer::Ready { fingerprint, state_file_proven, speed, .. } => {
                Self::Ready { fingerprint, state_file_proven, speed }
            }
            Renderer::Unusable { message } => Self::Unusable { message },
        }
    }
}

/// Where and for what the search looks.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Bits of the POV-Ray; `None`: those of the one that is there.
    pub word_size: Option<u32>,
    pub cache: PathBuf,
    pub scratch: PathBuf,
    pub blobs: Blobs,
    /// Whether it is to be weaker than the agent's server.
    pub gives_way: bool,
}

/// What was found.
#[derive(Debug, Clone)]
struct Found {
    renderer: Renderer,
    /// The program and what it was like; none where there is none to use.
    program: Option<(PathBuf, String)>,
    at: Instant,
}

impl Found {
    /// Whether it is not how things are any more.
    fn is_over(&self) -> bool {
        self.program.as_ref().is_none_or(|(path, identity)| binary_identity(path) != *identity)
    }
}

/// The search, and what it found last.
#[derive(Debug)]
pub struct Search {
    /// `None` while it looks.
    found: Arc<watch::Sender<Option<Found>>>,
    again: Mutex<SyncSender<()>>,
}

impl Search {
    /// Begins to look. Ends with the agent, or when `ending` is set.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn begin(wanted: Wanted, ending: Arc<AtomicBool>) -> io::Result<Self> {
        let found = Arc::new(watch::Sender::new(None));
        let (again, asked) = sync_channel(1);
        let tell = Arc::clone(&found);
        let name = "fingerprint".to_owned();
        std::thread::Builder::new().name(name).spawn(move || search(&wanted, &ending, &tell, &asked))?;
        Ok(Self { found, again: Mutex::new(again) })
    }

    /// POV-Ray on this node, looked for again where what was found is over. Waits for it.
    pub async fn look(&self) -> Renderer {
        self.refresh(Duration::ZERO);
        self.known().await
    }

    /// POV-Ray on this node as it was found last. Waits for the first look.
    pub async fn known(&self) -> Renderer {
        let mut found = self.found.subscribe();
        match found.wait_for(Option::is_some).await {
            Ok(found) => found.as_ref().map(|found| found.renderer.clone()),
            Err(_) => None,
        }
        .unwrap_or_else(|| Renderer::Unusable { message: "the look for POV-Ray ended without an answer".to_owned() })
    }

    /// The same without waiting: none while it looks. Now and then it is looked for again.
    pub fn at_once(&self) -> Option<Renderer> {
        let found = self.found.borrow().as_ref().map(|found| found.renderer.clone());
        self.refresh(NOT_SOONER);
        found
    }

    /// Looks again where what was found so long ago is over.
    fn refresh(&self, age: Duration) {
        let begins = self.found.send_if_modified(|found| {
            let is_over = found.as_ref().is_some_and(|found| found.at.elapsed() >= age && found.is_over());
            if is_over {
                *found = None;
            }
            is_over
        });
        if begins && let Ok(again) = self.again.lock() {
            // Only who took the old one away asks, so there is room.
            let _ = again.try_send(());
        }
    }
}

fn search(wanted: &Wanted, ending: &AtomicBool, tell: &watch::Sender<Option<Found>>, again: &Receiver<()>) {
    if wanted.gives_way {
        priority::give_way();
    }
    let stop = || ending.load(Ordering::Relaxed);
    loop {
        let found = find(wanted, &stop);
        tell.send_replace(Some(found));
        // Ends when the agent is gone.
        if again.recv().is_err() || stop() {
            return;
        }
    }
}

fn find(wanted: &Wanted, stop: &dyn Fn() -> bool) -> Found {
    let found = |renderer, program| Found { renderer, program, at: Instant::now() };
    let unusable = |message: String| found(Renderer::Unusable { message }, None);
    let located = locate::locate_knowing(|path| fingerprint::kept_version(&wanted.cache, path));
    let povray = match located.and_then(|povray| povray.of_word_size(wanted.word_size)) {
        Ok(povray) => Arc::new(povray),
        Err(error) => return unusable(error.to_string()),
    };
    // As it was before it rendered: one that is replaced meanwhile is looked at again.
    let program = (povray.path.clone(), binary_identity(&povray.path));
    match fingerprint::of(&povray, &wanted.cache, &wanted.blobs, &wanted.scratch, stop) {
        Ok(of) => {
            let (fingerprint, state_file_proven, speed) = (of.fingerprint, of.state_file_proven, of.speed);
            found(Renderer::Ready { povray, fingerprint, state_file_proven, speed }, Some(program))
        }
        Err(error) => unusable(error.to_string()),
    }
}
