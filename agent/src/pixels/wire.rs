//! Gammas as they travel, and as they are computed with.

use td_protocol::strip;

use super::gamma::WorkingGamma;

impl From<strip::WorkingGamma> for WorkingGamma {
    fn from(gamma: strip::WorkingGamma) -> Self {
        match gamma {
            strip::WorkingGamma::Off => Self::Off,
            strip::WorkingGamma::Power(power) => Self::Power(power),
            strip::WorkingGamma::Srgb => Self::Srgb,
        }
    }
}

impl From<WorkingGamma> for strip::WorkingGamma {
    fn from(gamma: WorkingGamma) -> Self {
        match gamma {
            WorkingGamma::Off => Self::Off,
            WorkingGamma::Power(power) => Self::Power(power),
            WorkingGamma::Srgb => Self::Srgb,
        }
    }
}
