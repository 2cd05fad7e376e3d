//! Lookahead inside Lookahead: whether every sync of the outer one falls on an end of the inner one's cycles.

use crate::{Error, Schedule, SyncPeriod};

/// A stretch of equal cycles: syncs after the gradient steps `begin + period`, `begin + 2 period`, …, `count` of them, or
/// for ever.
struct Stretch {
    begin: u128,
    period: u128,
    count: Option<u128>,
    // the outer step that begins with it
    outer: u64,
}

impl Stretch {
    fn all_of(schedule: &Schedule<SyncPeriod>) -> Vec<Self> {
        let (mut begin, mut stretches) = (0, Vec::new());
        for (outer, end, period) in schedule.stretches() {
            let period = u128::from(period.get());
            let count = end.map(|end| u128::from(end - outer));
            stretches.push(Self { begin, period, count, outer });
            begin += period * count.unwrap_or_default();
        }
        stretches
    }

    /// The last of its syncs that comes no later than the last of `other`, counted from 1; `None` for no end.
    fn last_within(&self, other: &Self) -> Option<u128> {
        let end = other.count.map(|count| other.begin + count * other.period);
        let within = end.map(|end| end.saturating_sub(self.begin) / self.period);
        [self.count, within].into_iter().flatten().min()
    }
}

/// Fails at the first sync of `outer` that catches `inner` in the middle of a cycle. With `restarts` the inner one begins
/// its schedule anew after each outer sync.
pub(crate) fn nests(outer: &Schedule<SyncPeriod>, inner: &Schedule<SyncPeriod>, restarts: bool) -> Result<(), Error> {
    let inside = Stretch::all_of(inner);
    for stretch in Stretch::all_of(outer) {
        // only its first cycle counts then, from the start of the inner schedule
        let (begin, seen) = match restarts {
            true => (stretch.begin, Stretch { begin: 0, count: Some(1), ..stretch }),
            false => (0, stretch),
        };
        for cycles in &inside {
            let first = cycles.begin.saturating_sub(seen.begin) / seen.period + 1;
            let last = seen.last_within(cycles);
            // syncs a period apart: if the first two fall on ends of equal cycles, all do
            for sync in [first, first + 1].into_iter().filter(|sync| last.is_none_or(|last| *sync <= last)) {
                let step = seen.begin + sync * seen.period;
                let phase = (step - cycles.begin) % cycles.period;
                if phase > 0 {
                    return Err(Error::PeriodsDoNotNest {
                        outer: seen.period as u32,
                        inner: cycles.period as u32,
                        outer_step: seen.outer.saturating_add(u64::try_from(sync - 1).unwrap_or(u64::MAX)),
                        step: u64::try_from(begin + step).unwrap_or(u64::MAX),
                        phase: phase as u32,
                    });
                }
            }
        }
    }
    Ok(())
}

/// The sync period of a Lookahead around others with these schedules: five of their cycles, or 5 where there are none.
///
/// Several that differ are taken to be constant: their least common multiple counts.
pub(crate) fn five_cycles(inner: &[Schedule<SyncPeriod>]) -> Schedule<SyncPeriod> {
    const FIVE: u32 = 5;
    let Some((first, others)) = inner.split_first() else { return SyncPeriod::default().into() };
    if others.iter().all(|other| other == first) {
        return first.in_groups_of(FIVE);
    }
    let periods = inner.iter().flat_map(Schedule::values);
    let cycle = periods.fold(1, |cycle, period| least_common_multiple(cycle, period.get()));
    SyncPeriod::new(cycle.saturating_mul(FIVE)).unwrap_or_default().into()
}

fn least_common_multiple(a: u32, b: u32) -> u32 {
    let (mut divisor, mut rest) = (a, b);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor).saturating_mul(b)
}
