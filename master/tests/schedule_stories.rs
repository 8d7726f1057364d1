//! The scheduler's behaviour, told as stories: a cluster, what happens, what is expected.

#[path = "schedule_support/cluster.rs"]
mod cluster;
#[path = "schedule_support/late.rs"]
mod late;
#[path = "schedule_support/stories.rs"]
mod stories;
