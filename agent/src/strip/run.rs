//! The thread of one strip.
//!
//! It starts POV-Ray on the strip's rows and follows the state file. As long as the master has not decided, it only
//! counts. Then rows leave by way (a), from the state file, and POV-Ray is killed after the last; or by way (b), from
//! the picture that POV-Ray writes at its end. A strip that was shrunk in way (b) is killed once its remaining rows
//! are traced, and started again with `+C` and the new end: POV-Ray then only writes.

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use td_protocol::rows::Rows;
use td_protocol::strip::{StripEvent, Way, Working, WorkingGamma};
use tokio::sync::mpsc::Sender;

use crate::pixels::conversion::{Conversion, Converter};
use crate::pixels::png_rows::PngRows;
use crate::pixels::row_assembly::RowAssembler;
use crate::povray::ending::{self, Ending};
use crate::povray::follow::Follower;
use crate::povray::gate::Gate;
use crate::povray::process::{self, Process};
use crate::povray::watch::Watch;
use crate::scratch::Scratch;
use crate::slots::Slots;
use crate::strip::control::{Control, Wishes};
use crate::strip::events::{Events, Gone};
use crate::strip::outlet::Outlet;
use crate::strip::pacing::{self, Look, Pacing};
use crate::strip::setting_up::{At, SettingUp};
use crate::strip::starting::{self, Standby, Started};
use crate::view::Site;

/// A strip that is to be rendered.
#[derive(Debug)]
pub struct Strip {
    pub site: Site,
    pub rows: Rows,
    /// Side of POV-Ray's blocks.
    pub block: u32,
    pub control: Arc<Control>,
    pub slots: Arc<Slots>,
}

/// Why a strip ended early.
enum Stop {
    Ending(Ending),
    Gone,
}

impl From<Ending> for Stop {
    fn from(ending: Ending) -> Self {
        Self::Ending(ending)
    }
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl Strip {
    /// Renders the strip, with a POV-Ray that is ready if there is one, and tells `sender` what happens, to the last frame.
    pub fn run(&self, standby: Option<Standby>, sender: Sender<Bytes>) {
        let stop = || self.control.wishes().cancelled;
        let mut events = Events::new(sender, &stop);
        let last = match self.render(standby, &mut events) {
            Ok(ended) => ended,
            Err(Stop::Ending(ending)) => {
                StripEvent::Failed { failure: ending.failure, message: ending.message, povray: ending.povray }
            }
            Err(Stop::Gone) => return,
        };
        // A master that is gone by now needs no last word.
        let _ = events.send(&last, &[]);
    }

    fn render(&self, mut standby: Option<Standby>, events: &mut Events<'_>) -> Result<StripEvent, Stop> {
        let job = &self.site.job.spec;
        let control = &self.control;
        let mut goes_on = || {
            // Another job may keep the slot for long: then it is stopped meanwhile.
            let _ = standby.as_mut().map(Standby::look);
            !control.wishes().cancelled && events.keep_alive(&StripEvent::Alive { working: None }).is_ok()
        };
        let _slot = self.slots.wait(&job.id, Some(control), &mut goes_on).ok_or_else(Ending::cancelled)?;
        if control.wishes().cancelled {
            return Err(Ending::cancelled().into());
        }
        let ready = standby.map(|standby| standby.go(&self.site, self.rows, self.block)).transpose()?.flatten();
        let started = ready.map_or_else(|| Started::now(&self.site, self.rows, self.block), Ok)?;
        let mut trace = Trace::begin(self, started)?;
        let mut wishes = self.control.wishes();
        let own_cpu = process::own_thread_cpu();
        let mut paced = Pacing::new(pacing::STRIP);
        let mut looked = own_cpu;
        let mut was_tracing = false;
        let from_state_file = loop {
            if wishes.cancelled {
                return Err(Ending::cancelled().into());
            }
            let status = trace.process.poll().map_err(|error| Ending::node(error.to_string()))?;
            trace.advance(wishes, events)?;
            if trace.is_sent(wishes) {
                break true;
            }
            if let Some(status) = status {
                if !status.success() && trace.gate.is_some() && !ending::is_of_the_scene(&trace.process.messages()) {
                    // It may be for how it was started.
                    tracing::info!("{}: a POV-Ray that was ready did not trace ({status}): another one", self.rows);
                    trace = Trace::begin(self, Started::now(&self.site, self.rows, self.block)?)?;
                    continue;
                }
                if !status.success() {
                    let had_parsed = trace.follower.is_open();
                    return Err(ending::of(status, had_parsed, trace.process.messages(), &trace.scratch.temp()).into());
                }
                trace.send_picture(events)?;
                break false;
            }
            if trace.has_to_write_early(wishes) {
                trace.write_early(wishes)?;
            }
            trace.check_stall(job.stall_timeout)?;
            events.keep_alive(&StripEvent::Alive { working: trace.working() })?;
            if trace.was_tracing && !was_tracing {
                was_tracing = true;
                paced.begin_tracing(trace.begun.elapsed().as_secs_f64());
            }
            let spent = process::own_thread_cpu();
            let pause = paced.next(trace.look(spent - looked));
            looked = spent;
            wishes = self.control.wait(&trace.watch, if trace.has_rows_waiting() { Duration::ZERO } else { pause });
        };
        trace.process.kill();
        let cpu = trace.earlier_cpu + trace.process.cpu_seconds();
        let agent_cpu = process::own_thread_cpu() - own_cpu;
        let traced_cpu = trace.traced_cpu.filter(|_| !from_state_file).unwrap_or(cpu);
        let write_cpu = (cpu - traced_cpu).max(0.0);
        let (end, yielded) = (trace.outlet.next_row(), self.control.has_yielded());
        Ok(StripEvent::Ended { end, cpu, agent_cpu, write_cpu, from_state_file, yielded })
    }
}

/// One POV-Ray on a strip, and how far its rows have come.
struct Trace<'a> {
    strip: &'a Strip,
    process: Process,
    /// Where POV-Ray may wait to be let on; none once it traces.
    gate: Option<Gate>,
    watch: Watch,
    scratch: Scratch,
    /// Where this POV-Ray was told to end.
    asked_end: u32,
    /// CPU seconds of the POV-Rays before it.
    earlier_cpu: f64,
    /// CPU seconds in all when the last row was traced.
    traced_cpu: Option<f64>,
    follower: Follower,
    assembler: RowAssembler,
    converter: Option<Converter>,
    /// The samples of one row.
    packed: Vec<u8>,
    outlet: Outlet,
    begun: Instant,
    /// Wall seconds of POV-Ray's start before that.
    earlier: f64,
    progress: Instant,
    was_tracing: bool,
    setting_up: SettingUp,
    /// Bytes of the state file at the last look: it grows also where it cannot be read.
    length: u64,
    /// Rows before this one are traced.
    traced: u32,
    /// CPU seconds of this POV-Ray when rows were last told to be traced.
    progress_cpu: f64,
    /// CPU seconds of this POV-Ray, and blocks that were new, at the last look; blocks until their row is whole.
    cpu: f64,
    blocks: u32,
    blocks_left: u32,
    /// Bytes of a block in the state file, about.
    block_bytes: f64,
    /// Way (a) did not work here: this strip goes on as (b), whatever the job's way.
    distrusted: bool,
}

impl<'a> Trace<'a> {
    fn begin(strip: &'a Strip, started: Started) -> Result<Self, Ending> {
        let Started { process, gate, watch, scratch, begun, earlier } = started;
        let (options, rows) = (&strip.site.job.spec.options, strip.rows);
        let assembler = RowAssembler::new(options.width, rows, options.columns);
        let bands = strip.site.job.bands.clone();
        Ok(Self {
            strip,
            process,
            gate,
            watch,
            asked_end: rows.end,
            earlier_cpu: 0.0,
            traced_cpu: None,
            follower: Follower::new(scratch.state_file(), options.width, options.height),
            assembler: assembler.map_err(|error| Ending::node(error.to_string()))?,
            converter: None,
            packed: Vec::new(),
            scratch,
            outlet: Outlet::new(options.width, options.format, rows.start, bands),
            begun,
            earlier: earlier.as_secs_f64(),
            progress: Instant::now(),
            was_tracing: false,
            setting_up: SettingUp::default(),
            length: 0,
            traced: rows.start,
            progress_cpu: 0.0,
            cpu: 0.0,
            blocks: 0,
            blocks_left: 0,
            block_bytes: 0.0,
            distrusted: false,
        })
    }

    /// What the last look found; `own_cpu` is what it cost.
    fn look(&self, own_cpu: f64) -> Look {
        Look {
            now: self.begun.elapsed().as_secs_f64(),
            povray_cpu: self.cpu,
            own_cpu,
            blocks: self.blocks,
            blocks_left: self.blocks_left,
        }
    }

    /// Wall seconds since POV-Ray's start, without those in which it was ready and waited for its rows.
    fn seconds(&self) -> f64 {
        self.earlier + self.begun.elapsed().as_secs_f64()
    }

    /// How far the row of blocks at work is.
    fn working(&self) -> Option<Working> {
        let columns = self.strip.site.job.spec.options.columns;
        let all = columns.len().div_ceil(self.strip.block.max(1)).max(1);
        let done = if self.blocks_left == 0 { 0 } else { all.saturating_sub(self.blocks_left) };
        let cpu = (self.cpu - self.progress_cpu).max(0.0);
        self.was_tracing.then(|| Working { done: f64::from(done) / f64::from(all), cpu })
    }

    /// Whether the row of blocks at work is whole by now: it became so while earlier rows were sent.
    fn has_rows_waiting(&self) -> bool {
        let missing = self.block_bytes * f64::from(self.blocks_left);
        missing > 0.0 && self.follower.length().saturating_sub(self.length) as f64 >= missing
    }

    fn way(&self, wishes: Wishes) -> Way {
        if self.distrusted { Way::Writer } else { wishes.way }
    }

    /// Reads what POV-Ray has finished since the last look, and sends it if that is the way.
    fn advance(&mut self, wishes: Wishes, events: &mut Events<'_>) -> Result<(), Stop> {
        if let Way::StateFile { working_gamma } = self.way(wishes)
            && self.converter.is_none()
        {
            self.begin_sending(working_gamma)?;
        }
        let traced_before = self.traced;
        let mut distrust = None;
        let mut gone = false;
        if let Some(gate) = &self.gate {
            gate.open().map_err(starting::scratch_failed)?;
        }
        // Before any rows: what was spent until here was for reading the scene.
        let is_open = self.follower.open();
        // What POV-Ray does after its last row, it would do in vain, and here on the rows' cost.
        if self.converter.is_some() && self.follower.is_removed() {
            self.process.hold();
        }
        // What is there at this moment and no more: converting and sending take their time on a slow node, and rows that come
        // meanwhile would cost nothing by the CPU time of now.
        let length = self.follower.length();
        let cpu = self.process.cpu_seconds();
        let cpu_before = std::mem::replace(&mut self.cpu, cpu);
        self.blocks = 0;
        if !self.was_tracing && self.follower.is_open() {
            self.was_tracing = true;
            self.gate = None;
            let seconds = self.seconds();
            self.strip.control.tracing_after(seconds);
            self.setting_up.begin(At { wall: seconds, cpu });
            self.progress_cpu = cpu;
            self.outlet.begin_tracing(cpu);
            events.send(&StripEvent::Tracing { seconds, cpu }, &[])?;
        }
        let control = &self.strip.control;
        let columns = self.strip.site.job.spec.options.columns;
        // Blocks that come with one look are charged by their size; a block is about as long in the file as its floats are.
        let bytes_new = length.saturating_sub(self.length).max(1) as f64;
        let mut bytes_read = 0.0_f64;
        let mut cpu_so_far = cpu_before.max(self.progress_cpu).min(cpu);
        let charged_before = cpu_so_far;
        let Self { process, follower, assembler, converter, outlet, traced, packed, blocks, blocks_left, .. } = self;
        let (setting_up, progress_cpu) = (&mut self.setting_up, &mut self.progress_cpu);
        let is_new = is_open.and_then(|()| {
            follower.poll(length, |block| {
                *blocks += 1;
                setting_up.block();
                bytes_read += block.bytes() as f64;
                cpu_so_far = charged_before + (cpu - charged_before) * (bytes_read / bytes_new).min(1.0);
                let side = block.columns().len().max(1);
                let right = columns.end.saturating_sub(block.columns().end);
                *blocks_left = if right == 0 { columns.len().div_ceil(side) } else { right.div_ceil(side) };
                if distrust.is_some() || gone {
                    return;
                }
                if let Err(error) = assembler.add(block) {
                    distrust = Some(error.to_string());
                    return;
                }
                while let Some(run) = assembler.next_run() {
                    if let Some(At { wall, cpu }) = setting_up.first_row(cpu_so_far) {
                        *progress_cpu = cpu;
                        outlet.begin_tracing(cpu);
                        gone |= events.send(&StripEvent::Tracing { seconds: wall, cpu }, &[]).is_err();
                    }
                    *traced = (*traced).max(run.rows.end);
                    // Before anything is sent: from here on no shrink takes these rows away.
                    control.finished(*traced);
                    let Some(converter) = converter else { continue };
                    if *traced >= wishes.end {
                        process.hold();
                    }
                    for (row, pixels) in (run.rows.start..).zip(run.iter()) {
                        if row == outlet.next_row() && row < wishes.end && !gone {
                            converter.convert(pixels, packed);
                            gone = outlet.row(packed, wishes.end, cpu_so_far, cpu, events).is_err();
                        }
                    }
                }
            })
        });
        if gone {
            return Err(Stop::Gone);
        }
        if self.outlet.next_row() >= self.strip.control.wishes().end {
            self.outlet.flush(cpu, cpu, events)?;
        }
        if let Some(reason) = is_new.as_ref().err().map(ToString::to_string).or(distrust) {
            if !self.distrusted {
                tracing::info!("{}: rows are taken from POV-Ray's own file instead: {reason}", self.strip.rows);
            }
            self.distrusted = true;
            self.converter = None;
        }
        self.setting_up.end_look(At { wall: self.seconds(), cpu });
        if self.blocks > 0 {
            self.block_bytes = bytes_read / f64::from(self.blocks);
        }
        if is_new.unwrap_or(false) || length != self.length || self.follower.is_removed() {
            self.length = length;
            self.progress = Instant::now();
        }
        if self.traced >= self.asked_end && self.traced_cpu.is_none() {
            self.traced_cpu = Some(self.earlier_cpu + cpu);
        }
        if !self.is_sent(wishes) {
            self.process.go_on();
        }
        if self.traced > traced_before {
            let rows = self.traced - self.strip.rows.start;
            events.send(&StripEvent::Progress { rows, cpu: (cpu - self.progress_cpu).max(0.0) }, &[])?;
            self.progress_cpu = cpu;
        }
        Ok(())
    }

    /// The guards have passed: what was only counted so far is read again and sent.
    fn begin_sending(&mut self, working_gamma: WorkingGamma) -> Result<(), Ending> {
        let options = &self.strip.site.job.spec.options;
        let rows = Rows::new(self.outlet.next_row(), self.strip.rows.end);
        let conversion = Conversion::new(working_gamma.into(), options.file_gamma, options.format);
        match Converter::new(&conversion) {
            Ok(converter) => self.converter = Some(converter),
            Err(error) => {
                tracing::warn!("{error}");
                self.distrusted = true;
                return Ok(());
            }
        }
        self.assembler =
            RowAssembler::new(options.width, rows, options.columns).map_err(|error| Ending::node(error.to_string()))?;
        self.setting_up.restart();
        self.follower.restart().map_err(|error| Ending::node(error.to_string()))
    }

    /// Whether all rows have left by way (a).
    fn is_sent(&self, wishes: Wishes) -> bool {
        self.converter.is_some() && self.outlet.next_row() >= wishes.end
    }

    /// Whether this POV-Ray traces rows that were taken away, and has finished those that stay.
    fn has_to_write_early(&self, wishes: Wishes) -> bool {
        self.way(wishes) == Way::Writer
            && wishes.end < self.asked_end
            && self.traced >= wishes.end
            && !self.follower.is_removed()
    }

    fn write_early(&mut self, wishes: Wishes) -> Result<(), Ending> {
        self.process.kill();
        self.earlier_cpu += self.process.cpu_seconds();
        self.traced_cpu = Some(self.earlier_cpu);
        let rows = Rows::new(self.strip.rows.start, wishes.end);
        self.process = starting::start(&self.strip.site, &self.scratch, rows, self.strip.block, true)?;
        self.asked_end = wishes.end;
        self.progress = Instant::now();
        Ok(())
    }

    /// Sends what has not been sent from the picture that POV-Ray wrote: exact whatever the way.
    fn send_picture(&mut self, events: &mut Events<'_>) -> Result<(), Stop> {
        let path = self.scratch.output();
        let failed = |reason: String| Ending::node(format!("cannot read the picture that POV-Ray wrote: {reason}"));
        let file = File::open(&path).map_err(|error| failed(error.to_string()))?;
        let mut picture = PngRows::open(BufReader::new(file)).map_err(|error| failed(error.to_string()))?;
        let options = &self.strip.site.job.spec.options;
        if (picture.width(), picture.height(), picture.format()) != (options.width, options.height, options.format) {
            return Err(failed("its size or format is not what was asked for".to_owned()).into());
        }
        // What POV-Ray has written is all there: nobody need render any of it again.
        let end = self.strip.control.finish_all().min(self.asked_end);
        let cpu = self.earlier_cpu + self.process.cpu_seconds();
        picture.skip_to(self.outlet.next_row()).map_err(|error| failed(error.to_string()))?;
        while self.outlet.next_row() < end {
            let row = picture.next_row().map_err(|error| failed(error.to_string()))?;
            let row = row.ok_or_else(|| failed("it ends early".to_owned()))?;
            self.outlet.row(row, end, cpu, cpu, events)?;
        }
        Ok(())
    }

    fn check_stall(&mut self, seconds: f64) -> Result<(), Ending> {
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        if self.progress.elapsed() <= limit {
            return Ok(());
        }
        self.process.kill();
        Err(Ending::stalled(seconds, self.process.messages()))
    }
}
