//! The switches that every strip's POV-Ray gets: complete, so that no ini file is needed, and in one order and spelling,
//! so that equal jobs have equal lists.

use crate::options::gathered::{Gathered, Value};
use crate::options::table::Setting;
use crate::options::values::{Gamma, shortest};

/// All of [`td_protocol::options::RenderOptions::switches`].
pub fn switches(gathered: &Gathered) -> Vec<String> {
    let mut list = vec![format!("+Q{}", gathered.whole(Setting::Quality).unwrap_or(9))];
    antialiasing(gathered, &mut list);
    bounding(gathered, &mut list);
    for (setting, letters, default) in [
        (Setting::LightBuffer, "UL", true),
        (Setting::VistaBuffer, "UV", true),
        (Setting::RemoveBounds, "UR", true),
        (Setting::SplitUnions, "SU", false),
        (Setting::HighReproducibility, "HR", false),
        (Setting::RadiosityVainPretrace, "RVP", true),
    ] {
        list.push(format!("{}{letters}", sign(gathered.on(setting, default))));
    }
    if let Some(version) = gathered.number(Setting::Version) {
        list.push(format!("+MV{}", shortest(version)));
    }
    if let Some(clock) = gathered.number(Setting::Clock) {
        list.push(format!("+K{}", shortest(clock)));
    }
    if let Some(method) = gathered.code(Setting::DitherMethod).filter(|_| gathered.on(Setting::Dither, false)) {
        list.push(format!("Dither_Method={method}"));
    }
    if let gamma @ Gamma::Power(_) = gathered.gamma(Setting::DisplayGamma) {
        list.push(format!("Display_Gamma={}", Value::Gamma(gamma).text()));
    }
    let mut declares: Vec<String> = gathered.declares.iter().map(|(declare, _)| declare.argument()).collect();
    declares.sort();
    list.append(&mut declares);
    list
}

/// 0 without antialiasing, else the method.
pub fn antialias_method(gathered: &Gathered) -> u8 {
    if !gathered.on(Setting::Antialias, false) {
        return 0;
    }
    match gathered.whole(Setting::SamplingMethod) {
        Some(0) => 0,
        Some(2) => 2,
        _ => 1,
    }
}

fn antialiasing(gathered: &Gathered, list: &mut Vec<String>) {
    let method = antialias_method(gathered);
    if method == 0 {
        return list.push("-A".to_owned());
    }
    list.push(threshold(gathered.number(Setting::AntialiasThreshold).unwrap_or(0.3)));
    list.push(format!("+AM{method}"));
    list.push(format!("+R{}", gathered.whole(Setting::AntialiasDepth).unwrap_or(3)));
    list.push(format!("+AG{}", shortest(gathered.number(Setting::AntialiasGamma).unwrap_or(2.5))));
    list.push(match gathered.on(Setting::Jitter, true) {
        true => format!("+J{}", shortest(gathered.number(Setting::JitterAmount).unwrap_or(1.0))),
        false => "-J".to_owned(),
    });
}

/// The switch's letters are `A0`, so that 0.3 is `.3` to POV-Ray, and 1 has to be written `+A01`.
fn threshold(threshold: f64) -> String {
    match shortest(threshold) {
        text if text == "0" => "+A0.0".to_owned(),
        text if text.starts_with("0.") => format!("+A{text}"),
        text => format!("+A0{text}"),
    }
}

fn bounding(gathered: &Gathered, list: &mut Vec<String>) {
    if !gathered.on(Setting::Bounding, true) {
        return list.push("-B".to_owned());
    }
    list.push(format!("+MB{}", gathered.whole(Setting::BoundingThreshold).unwrap_or(1)));
    let method = gathered.whole(Setting::BoundingMethod).unwrap_or(1);
    list.push(format!("+BM{method}"));
    if method != 2 {
        return;
    }
    if let Some(depth) = gathered.whole(Setting::BspMaxDepth).filter(|&depth| depth > 0) {
        list.push(format!("BSP_MaxDepth={depth}"));
    }
    for (setting, name) in [
        (Setting::BspBaseAccessCost, "BSP_BaseAccessCost"),
        (Setting::BspChildAccessCost, "BSP_ChildAccessCost"),
        (Setting::BspIsectCost, "BSP_ISectCost"),
        (Setting::BspMissChance, "BSP_MissChance"),
    ] {
        if let Some(cost) = gathered.number(setting).filter(|&cost| cost > 0.0) {
            list.push(format!("{name}={}", shortest(cost)));
        }
    }
}

const fn sign(on: bool) -> char {
    if on { '+' } else { '-' }
}
