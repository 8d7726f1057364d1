//! Building td-agent for the nodes before they get it, where td's sources are at hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use td_build_agent::{Built, Manner, Problem, Source, Target, Watch, With, build};
use td_inventory::Model;

use super::Crew;
use crate::build_agent::target_of;

impl Crew {
    /// Builds what the models of the inventory need. Of a machine of model `generic` nothing is known before it is asked.
    pub async fn build_for_models(&self) {
        let models = self.nodes.iter().map(|node| node.model).filter(|model| *model != Model::Generic);
        self.build(models.filter_map(|model| target_of(model).ok())).await;
    }

    /// Builds the agents that are missing or older than td's sources, and shows it. Where that cannot be done it is said, and
    /// what there is has to do. Ctrl-C ends it; whoever goes on finds that in [`Crew::stop`].
    pub async fn build(&self, targets: impl IntoIterator<Item = Target>) {
        let mut targets: Vec<Target> = targets.into_iter().collect();
        targets.sort_unstable();
        targets.dedup();
        for target in targets {
            let Some(source) = self.lacks(target).cloned() else { continue };
            if self.stop.is_asked() {
                return;
            }
            // The build has a line of its own.
            self.nodes.iter().for_each(|node| self.report.idle(&node.name));
            self.report.event(&json!({ "event": "build", "target": target.triple() }));
            let built = match self.build_one(source, target).await {
                Ok(built) => built,
                Err(Problem::Interrupted) => return,
                Err(problem) => {
                    self.not_built(target, &problem);
                    None
                }
            };
            if let Some(built) = &built {
                self.tell(built);
            }
            self.binaries.tried(target, built.map(|built| built.path));
        }
    }

    /// The sources that the agent for `target` has to be built of first.
    pub(super) fn lacks(&self, target: Target) -> Option<&Source> {
        if self.builds { self.binaries.lacks(target) } else { None }
    }

    async fn build_one(&self, source: Source, target: Target) -> Result<Option<Built>, Problem> {
        let mut watch = Watch::new(if self.report.json() { Manner::Json } else { Manner::People });
        let interrupted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupted);
        let mut work = tokio::task::spawn_blocking(move || {
            let built = build(&source, &[target], With::Auto, &mut watch, flag);
            watch.clear();
            built
        });
        let mut stop = self.stop.clone();
        let result = tokio::select! {
            result = &mut work => result,
            () = stop.asked() => {
                interrupted.store(true, Ordering::Relaxed);
                work.await
            }
        };
        // A thread that broke off has built nothing.
        result.unwrap_or(Err(Problem::Interrupted)).map(|built| built.into_iter().next())
    }

    fn not_built(&self, target: Target, problem: &Problem) {
        let instead = match self.binaries.there(target) {
            Some(path) => format!("{} is taken, which may be older than td's sources", path.display()),
            None => "and there is none".to_owned(),
        };
        let message = format!("td-agent for {} cannot be built, {instead}: {problem}", target.name());
        self.report.note(None, &message);
    }

    fn tell(&self, built: &Built) {
        self.report.event(&json!({
            "event": "built",
            "target": built.target.triple(),
            "path": built.path,
            "bytes": built.size,
            "built": !built.was_there,
            "with": built.way,
        }));
        #[expect(clippy::cast_precision_loss, reason = "a file's length in MB, for people")]
        let megabytes = built.size as f64 * 1e-6;
        let name = built.target.name();
        self.report.text(&format!("td-agent for {name}: built with {} ({megabytes:.2} MB)\n", built.way));
    }
}
