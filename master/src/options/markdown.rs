//! The table for people: `docs/switches.md` is what this prints, and a test compares.

use crate::options::table::{self, Does, Kind, Row, Setting};

const HEAD: &str = "\
# POV-Ray's switches and settings

`td render` takes POV-Ray 3.7's switches (`+W1600`, `-J`, in either case), `NAME=VALUE` settings, and ini files
(`quick.ini`, `file.ini[section]`), as they stand in your scripts. This page lists all of them; what is not here is refused.
It is printed from td's own table (`master/src/options/table/`).

- Lower-case `-i FILE`, `-o FILE`, `-q`, `-v`, `-h`, exactly so, are td's; so is everything with two dashes. `-V`, `-v0`, `-iscene.pov`,
  `-ox.png`, `-h600` are POV-Ray's.
- Before the command line td reads the ini file that POV-Ray would start from: the first of `$POVINI`, `./povray.ini`,
  `~/.povray/3.7/povray.ini`, `/etc/povray/3.7/povray.ini`, `~/.povrayrc`, `/etc/povray.ini`, and only that one. Debian's has 800x600.
  Without any of them the size is 160x120, POV-Ray's own default. `$POVINC` adds a library path.
- The last word counts, except that POV-Ray takes the first `Declare` of a name. `td render -v` lists where each setting came from.
- The agents get no ini file, but every setting below that is passed, spelled out.
- A part (`+SR +ER +SC +EC`): a start below 1 and an end up to 1 are fractions of the whole, cut, not rounded; so `+ER1` is
  everything, and `+ER1.5` the first row alone. An end before the start renders nothing: a black picture.
- `+O` names the picture as in POV-Ray: `+Oout` and `+Oout.png` are `out.png`, `+Odir/` puts the scene's name into that folder, `+Ox.jpg` is
  `x.jpg.png`. td's `-o x.jpg` chooses the kind by the name. Both together are refused.

| Setting | Switch | Value | Default | td |
|---|---|---|---|---|
";

/// The whole page.
#[must_use]
pub fn switches_page() -> String {
    let mut page = HEAD.to_owned();
    let mut rows: Vec<&Row> = table::rows().collect();
    rows.sort_by_key(|row| row.setting);
    for row in rows {
        page += &line(row);
    }
    page
}

fn line(row: &Row) -> String {
    let names: Vec<String> = row.names.iter().map(|name| format!("`{name}`")).collect();
    let switches: Vec<String> = row
        .switches
        .iter()
        .map(|switch| format!("`+{}{}`", switch.letters, if switch.takes_value { "…" } else { "" }))
        .collect();
    let default = match row.does {
        Does::Passes { default } | Does::Handles { default } => default,
        _ => "",
    };
    format!("| {} | {} | {} | {default} | {} |\n", names.join(", "), switches.join(" "), value(row.kind), fate(row))
}

fn value(kind: Kind) -> String {
    const FAR: i64 = 1_000_000;
    match kind {
        Kind::OnOff => "on, off".to_owned(),
        Kind::Whole { least, most, .. } if least > -FAR && most < FAR => {
            format!("{least} to {most}")
        }
        Kind::Whole { .. } => "whole number".to_owned(),
        Kind::Number { least, most, .. } if least > -1e6 && most < 1e6 => {
            format!("{least} to {most}")
        }
        Kind::Number { .. } => "number".to_owned(),
        Kind::Gamma => "sRGB or number".to_owned(),
        Kind::FileType => "letter".to_owned(),
        Kind::DitherMethod => "code".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Declaration => "name=value".to_owned(),
        Kind::Folder => "folder".to_owned(),
        Kind::IniFile => "file".to_owned(),
    }
}

fn fate(row: &Row) -> String {
    let refused = match row.kind {
        _ if row.setting == Setting::OutputToFile => "refused when off",
        Kind::OnOff => "refused when on",
        _ => "refused",
    };
    let fate = match row.does {
        Does::Passes { .. } => "passed on".to_owned(),
        Does::Handles { .. } => "done by td".to_owned(),
        Does::Ignores => "without effect".to_owned(),
        Does::Notes(text) => format!("not passed: {text}"),
        Does::Refuses { why, instead } => format!("{refused}: {why}; {instead}"),
    };
    if row.about.is_empty() { fate } else { format!("{fate}; {}", row.about) }
}
