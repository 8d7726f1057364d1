//! Room for what POV-Ray writes while it renders.

use td_inventory::health::SCRATCH;
use td_protocol::health::Place;

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::{bytes, plain};

pub static SCRATCH_CHECK: Check = Check {
    name: "scratch",
    meaning: "Room for what POV-Ray writes while it renders: 40 bytes for each pixel of its strips. The usual job is a \
              picture of 1600x1200; where one node renders all of it, that is 77 MB.",
    when: "",
    remedy: "Remove what is not needed on that file system. A node whose scratch is full gets no rows.",
    limit: Some(&SCRATCH),
    look: |seen| {
        let Some(disk) = seen.disk(Place::Scratch) else {
            return Finding::unsupported("the node tells of no file system for it");
        };
        let what = format!("{} has {} free for POV-Ray's files", plain(&disk.path), bytes(disk.free));
        let free = disk.free as f64 / 1e6;
        Finding::measured(seen, &SCRATCH, free, bytes(disk.free), &what, "remove what is not needed there")
    },
};
