//! `history-day FOLDER`: writes a day of health samples into FOLDER as td-agent does, each write on the medium before the
//! next. What the disk below is written then is what a day of history costs a card.

use std::error::Error;

use td_agent::health::history::{CAPACITY, EVERY, History, TOGETHER};
use td_protocol::health::Sample;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder")?;
    let history = History::open(folder.as_ref())?;
    rustix::fs::sync();
    // The making of the file is not of each day.
    println!("made");
    std::io::stdin().read_line(&mut String::new())?;
    for number in 1..=CAPACITY {
        let at = (number * u64::from(EVERY)) as f64;
        history.push(Sample { at, temperature: Some(47.0), throttled: Some(0), busy: Some(1), ..Sample::default() })?;
        if number % TOGETHER as u64 == 0 {
            rustix::fs::sync();
        }
    }
    history.flush()?;
    rustix::fs::sync();
    println!("written {}", CAPACITY / TOGETHER as u64);
    Ok(())
}
