//! The card's errors, by the kernel's log.

use td_inventory::health::CARD_ERRORS;

use super::Check;
use crate::health::finding::Finding;
use crate::health::text::plain;

pub static CARD_ERRORS_CHECK: Check = Check {
    name: "card-errors",
    meaning: "Lines of the kernel's log since the boot that tell of failed reads or writes of a card or disk.",
    when: "",
    remedy: "Save what is on the card and write a new one; a bad power supply or a loose card does the same, so look at \
             `under-voltage` too. The count starts anew with the next boot.",
    limit: Some(&CARD_ERRORS),
    look: |seen| {
        let Some(fast) = seen.fast() else { return Finding::unsupported(seen.unprobed()) };
        let Some(errors) = fast.card_errors else {
            return Finding::unsupported("the probe could not read the kernel's log");
        };
        let what = match (errors, &fast.card_error) {
            (0, _) => "none since the boot".to_owned(),
            (_, Some(last)) => {
                format!("the kernel told {errors} errors of the card since the boot, last: {}", plain(last))
            }
            (_, None) => format!("the kernel told {errors} errors of the card since the boot"),
        };
        Finding::measured(
            seen,
            &CARD_ERRORS,
            errors as f64,
            errors.to_string(),
            &what,
            "save what is on it, write a new one",
        )
    },
};
