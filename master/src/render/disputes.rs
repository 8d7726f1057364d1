//! What nodes drew differently in an earlier run, nobody knows who right: known again, and without those who were found wrong since.

use td_protocol::hash::ContentHash;
use td_protocol::rows::Rows;

use crate::compose::Maker;
use crate::jobs::record::DisputeRecord;

/// All disputes of a job.
#[derive(Debug, Clone, Default)]
pub(super) struct Disputes(pub Vec<DisputeRecord>);

impl Disputes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of the runs that have any of the rows in dispute.
    pub fn among(&self, made: &[(Rows, Maker)]) -> Vec<(Rows, Maker)> {
        let is_in = |run: &Rows| self.0.iter().any(|it| it.rows.start < run.end && run.start < it.rows.end);
        made.iter().copied().filter(|(run, _)| is_in(run)).collect()
    }

    /// What was said of exactly these rows, but for what `is_out` said.
    pub fn claims(&self, rows: Rows, is_out: impl Fn(Maker) -> bool) -> Vec<(Maker, ContentHash)> {
        let of_rows = self.0.iter().filter(|dispute| dispute.rows == rows).flat_map(|dispute| &dispute.claims);
        of_rows.map(|claim| (Maker::of(&claim.node), claim.picture)).filter(|(maker, _)| !is_out(*maker)).collect()
    }

    /// The name of one who said something.
    pub fn name(&self, maker: Maker) -> Option<&str> {
        let all = self.0.iter().flat_map(|dispute| &dispute.claims);
        all.map(|claim| claim.node.as_str()).find(|name| Maker::of(name) == maker)
    }
}

#[cfg(test)]
mod tests {
    use crate::jobs::record::ClaimRecord;

    use super::*;

    #[test]
    fn rows_and_who_drew_them_are_found_again() {
        let claim = |node: &str, kind: u8| ClaimRecord { node: node.to_owned(), picture: ContentHash([kind; 32]) };
        let disputes =
            Disputes(vec![DisputeRecord { rows: Rows::new(32, 64), claims: vec![claim("pi1", 1), claim("pi2", 2)] }]);
        let made: Vec<_> = (0..10).map(|band| (Rows::new(band * 32, band * 32 + 32), Maker(1))).collect();
        assert_eq!(disputes.among(&made), [(Rows::new(32, 64), Maker(1))]);
        // Cut otherwise, for whatever reason.
        let made: Vec<_> = (0..20).map(|band| (Rows::new(band * 24, band * 24 + 24), Maker(1))).collect();
        assert_eq!(disputes.among(&made).len(), 2);
        assert!(disputes.claims(Rows::new(24, 48), |_| false).is_empty());

        let (one, two) = (Maker::of("pi1"), Maker::of("pi2"));
        let pictures = [(one, ContentHash([1; 32])), (two, ContentHash([2; 32]))];
        assert_eq!(disputes.claims(Rows::new(32, 64), |_| false), pictures);
        assert_eq!(disputes.claims(Rows::new(32, 64), |maker| maker == one), pictures[1..]);
        assert_eq!(disputes.name(two), Some("pi2"));
        assert_eq!(disputes.name(Maker::of("pi3")), None);
    }
}
