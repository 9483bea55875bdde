//! The build: from a run to published images.

use mikron_oci::{Layout, Parallel};
use mikron_package::Digest;

use crate::run::{Pins, Run};
use crate::steps::frames::CachedFrames;
use crate::steps::image::{Built, Workshop};
use crate::steps::memo::{self, Ingredients};
use crate::steps::own::OwnFiles;
use crate::steps::places;
use crate::steps::publish::{self, Target};
use crate::views::pair::Pair;
use crate::{BuildReport, Error, Output};

/// Publishes again what an earlier build came to. `None` where the cache does not remember it.
pub(crate) fn recall(run: &Run<'_>) -> Result<Option<BuildReport>, Error> {
    places::check(&run.order.outputs, &run.inputs.platforms)?;
    let Some(key) = key_in_memory(run)? else {
        return Ok(None);
    };
    Ok(recalled(run, Some(&key))?.map(|report| with_inputs(run, report)))
}

/// Whether the cache remembers what an earlier build came to.
pub(crate) fn is_remembered(run: &Run<'_>) -> Result<bool, Error> {
    let key = key_in_memory(run)?;
    Ok(key.is_some_and(|key| memo::recall(&run.session.cache, &key).is_some()))
}

/// What the cache would remember the build by; `None` where it remembers none at all.
fn key_in_memory(run: &Run<'_>) -> Result<Option<Digest>, Error> {
    if !memo::remembers(&run.session.cache) {
        return Ok(None);
    }
    let own = run.files()?;
    let pins = run.pins()?;
    let pair = Pair::of(run)?;
    key(run, &own, &pins, pair.as_ref(), run.epoch(&pins)?)
}

/// Builds and publishes.
pub(crate) fn build(run: &Run<'_>) -> Result<BuildReport, Error> {
    places::check(&run.order.outputs, &run.inputs.platforms)?;
    let (session, spec) = (run.session, &run.order.spec);
    let cache = &session.cache;
    let own = run.files()?;
    let pins = run.pins()?;
    let epoch = run.epoch(&pins)?;
    let pair = Pair::of(run)?;
    let key = key(run, &own, &pins, pair.as_ref(), epoch)?;
    // Of several that want the same in one session, the others find what the first has made.
    let cancellation = session.cancellation();
    let alone = key.map(|key| session.running.alone(key, cancellation));
    let _alone = alone.transpose()?;
    if let Some(report) = recalled(run, key.as_ref())? {
        tracing::debug!(digest = %report.digest, "recalled");
        return Ok(with_inputs(run, report));
    }
    let _turn = session.running.turn(session.jobs(), cancellation)?;
    let frames = CachedFrames(cache);
    let mut closures = Vec::new();
    for platform in &run.inputs.platforms {
        let closure = run.close(*platform, &pins, &own)?;
        if let Some(pair) = &pair {
            pair.check(run, *platform, &closure)?;
        }
        closures.push((*platform, closure));
    }
    // The indexes of a distribution weigh as much as a compressor: they go before compressors come.
    drop(pins);
    // Outputs are only touched when there is something to put there.
    let target = Target::open(run.order, session)?;
    let workshop = Workshop {
        spec,
        recipe: run.order.recipe(),
        families: &run.order.families,
        epoch,
        store: target.primary(),
        frames: &frames,
        parallel: Parallel::jobs(session.jobs()),
        progress: session.progress(),
    };
    let mut built: Vec<Built> = Vec::new();
    for (platform, closure) in closures {
        let contents = run.contents(&closure, &own, closure.contents())?;
        built.push(workshop.build(platform, closure, &own, &contents)?);
    }
    session.check()?;
    let report = target.publish(run.order, &built, run.base.as_ref(), session)?;
    // Whoever writes holds a layout, and nothing is removed meanwhile.
    drop(target);
    tidy(run);
    if let Some(key) = &key {
        memo::keep(cache, key, &built);
    }
    if let Err(error) = cache.maintain() {
        session.warn(&format!(
            "the cache is not brought down to its quota: {error}"
        ));
    }
    Ok(with_inputs(run, report))
}

/// Takes away what no tag of a layout reaches. Where that fails, the image is there all the same.
fn tidy(run: &Run<'_>) {
    if run.order.keep {
        return;
    }
    for output in &run.order.outputs {
        if let Output::Layout { dir, .. } = output
            && let Err(error) = Layout::gc(dir)
        {
            run.session.warn(&format!(
                "{}: what no tag reaches is not taken away: {error}",
                dir.display()
            ));
        }
    }
}

/// The report with the files that the run has read.
fn with_inputs(run: &Run<'_>, report: BuildReport) -> BuildReport {
    let asked = run.beside.asked();
    BuildReport {
        inputs: asked
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        ..report
    }
}

fn key(
    run: &Run<'_>,
    own: &OwnFiles,
    pins: &Pins,
    pair: Option<&Pair>,
    epoch: i64,
) -> Result<Option<Digest>, Error> {
    // It has more packages than a spec of these keys.
    if run.order.whole_of.is_some() {
        return Ok(None);
    }
    let pair = pair.map(|pair| pair.identity(run)).transpose()?;
    let ingredients = Ingredients {
        spec: &run.order.spec,
        recipe: run.order.recipe(),
        platforms: &run.inputs.platforms,
        tables: &run.inputs.tables,
        releases: &run.inputs.releases,
        own,
        solver: run.solver(),
        program: run.session.environment().program(),
        pins: &pins.identity(),
        pair: pair.as_deref().unwrap_or_default(),
        base: run.base.as_ref().map(|base| base.digest),
        epoch,
    };
    ingredients.key()
}

fn recalled(run: &Run<'_>, key: Option<&Digest>) -> Result<Option<BuildReport>, Error> {
    let cache = &run.session.cache;
    let Some(built) = key.and_then(|key| memo::recall(cache, key)) else {
        return Ok(None);
    };
    let report = publish::from_frames(run.order, &built, run.base.as_ref(), run.session)?;
    if report.is_some() {
        tidy(run);
    }
    Ok(report)
}
