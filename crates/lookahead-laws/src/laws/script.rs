//! A run in which tensors come, change and stop: what a new process has to know of it, and a save at every step.

use std::ops::Range;

use crate::compare::assert_same_bits;
use crate::{Case, Setup, Subject, Tensor};

/// What happens to a tensor before a step.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Join(Tensor),
    Freeze(usize),
    Thaw(usize),
    Replace(usize, Tensor),
}

/// The events of a run, each before the step given, and the steps in which a tensor has no gradient.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    pub(super) events: Vec<(u64, Event)>,
    pub(super) gaps: Vec<(usize, Range<u64>)>,
}

/// A subject under way, and its tensors as a new process would make them.
pub(super) struct Run<'a, S> {
    pub(super) subject: S,
    case: Case,
    setup: &'a Setup,
    script: &'a Script,
}

impl<'a, S: Subject> Run<'a, S> {
    pub(super) fn new(case: &Case, setup: &'a Setup, script: &'a Script) -> Self {
        Self { subject: case.new_subject(setup), case: case.clone(), setup, script }
    }

    /// Lets happen what comes before a step; whether the subject knows such events.
    pub(super) fn prepare(&mut self, step: u64) -> bool {
        let tensors = &mut self.case.tensors;
        let mut events = self.script.events.iter().filter(|(before, _)| *before == step);
        events.all(|(_, event)| match event {
            Event::Join(tensor) => {
                tensors.push(tensor.clone());
                self.subject.add(tensor);
                true
            }
            Event::Freeze(index) => {
                tensors[*index].frozen = true;
                self.subject.freeze(*index, true)
            }
            Event::Thaw(index) => {
                tensors[*index].frozen = false;
                self.subject.freeze(*index, false)
            }
            Event::Replace(index, by) => {
                tensors[*index] = by.clone();
                self.subject.replace(*index, by)
            }
        })
    }

    /// One step, after what comes before it.
    pub(super) fn step(&mut self, step: u64) {
        let mut grads = self.case.gradients::<S>(step, &self.subject.weights());
        let missing = self.script.gaps.iter().filter(|(_, steps)| steps.contains(&step)).map(|(index, _)| *index);
        let frozen = (0..self.case.tensors.len()).filter(|&index| self.case.tensors[index].frozen);
        missing.chain(frozen).for_each(|index| grads[index] = None);
        self.subject.step(self.case.lr(step), &grads);
    }

    /// The same run in a new process.
    fn reload(&self) -> Self {
        let subject = self.case.reload(self.setup, &self.subject);
        Self { subject, case: self.case.clone(), ..*self }
    }
}

/// A run that is saved before any of its steps, before and after what happens there, goes on with the same bits.
///
/// `false`: the subject knows no such events.
pub(super) fn resumes_everywhere<S: Subject>(what: &str, case: &Case, setup: &Setup, script: &Script) -> bool {
    let last = script.events.iter().map(|(before, _)| *before).chain(script.gaps.iter().map(|(_, gap)| gap.end)).max();
    let moments = 0..=last.unwrap_or_default() + case.k();
    for saved in moments.step_by(S::limits().moments_apart) {
        for prepared in [false, true] {
            let mut run = Run::<S>::new(case, setup, script);
            for step in 0..saved {
                if !run.prepare(step) {
                    return false;
                }
                run.step(step);
            }
            if prepared && !run.prepare(saved) {
                return false;
            }
            let mut loaded = run.reload();
            for step in saved..saved + 2 * case.k() {
                for run in [&mut run, &mut loaded] {
                    let is_prepared = prepared && step == saved;
                    if !is_prepared && !run.prepare(step) {
                        return false;
                    }
                    run.step(step);
                }
                let what = format!("{what}: saved before step {saved}, compared after step {}", step + 1);
                assert_same_bits(format_args!("{what}: weights"), &loaded.subject.weights(), &run.subject.weights());
                assert_same_bits(format_args!("{what}: slow"), &loaded.subject.slow(), &run.subject.slow());
            }
        }
    }
    true
}
