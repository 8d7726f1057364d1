//! What the agent keeps on disk: contents of bundles and finished bands, each named by content and bounded in size; and the
//! share, from which contents may come.

pub mod bands;
pub mod blobs;
pub mod eviction;
pub mod share;
