//! The learning rate of each parameter of a module, where groups have their own.

use std::collections::BTreeMap;

use burn::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::Tensor;

use crate::places::Places;
use crate::traversal::Paths;

/// The learning rates of one step.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    base: f64,
    of: BTreeMap<ParamId, f64>,
}

impl Rates {
    /// Those of the parameters at their first places.
    pub(crate) fn of<M: Module>(lr: &ModuleLearningRate, module: &M, places: &Places) -> Self {
        let mut rates = Self { base: lr.base(), of: BTreeMap::new() };
        places.visit(module, &mut Read { lr, paths: Paths::default(), of: &mut rates.of });
        rates
    }

    pub(crate) fn get(&self, id: ParamId) -> f64 {
        self.of.get(&id).copied().unwrap_or(self.base)
    }

    /// The largest of any parameter.
    pub(crate) fn largest(&self) -> f64 {
        self.of.values().copied().reduce(f64::max).unwrap_or(self.base)
    }

    /// All of them, times a factor.
    pub(crate) fn scaled(&self, factor: f64) -> ModuleLearningRate {
        let mut groups: BTreeMap<u64, Vec<ParamId>> = BTreeMap::new();
        for (id, rate) in self.of.iter().filter(|(_, rate)| **rate != self.base) {
            groups.entry(rate.to_bits()).or_default().push(*id);
        }
        let scheduler = ModuleLrScheduler::new(self.base * factor);
        let with_group = |scheduler: ModuleLrScheduler, (rate, ids)| {
            scheduler.with_group(ParamGroup::from_ids(ids), f64::from_bits(rate) * factor)
        };
        groups.into_iter().fold(scheduler, with_group).step()
    }
}

struct Read<'a> {
    lr: &'a ModuleLearningRate,
    paths: Paths,
    of: &'a mut BTreeMap<ParamId, f64>,
}

impl ModuleVisitor for Read<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.of.insert(param.id, self.lr.lr_from_param(param.id, Some(&self.paths.current())));
    }
}
