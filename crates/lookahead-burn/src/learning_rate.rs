//! The learning rates of a module's groups, all scaled alike.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::Tensor;

use crate::traversal::Paths;

/// The learning rates with `base` for their base, and the others by the same factor.
pub(crate) fn scaled<'a, M: Module>(lr: &'a ModuleLearningRate, base: f64, module: &M) -> Cow<'a, ModuleLearningRate> {
    if lr.base() == base {
        return Cow::Borrowed(lr);
    }
    let mut others = Others { lr, paths: Paths::default(), ids: BTreeMap::new() };
    module.visit(&mut others);
    let scheduler = ModuleLrScheduler::new(base);
    let with_group = |scheduler: ModuleLrScheduler, (bits, ids): (u64, Vec<ParamId>)| {
        scheduler.with_group(ParamGroup::from_ids(ids), f64::from_bits(bits) * (base / lr.base()))
    };
    Cow::Owned(others.ids.into_iter().fold(scheduler, with_group).step())
}

/// The parameters whose rate is not the base, by its bits.
struct Others<'a> {
    lr: &'a ModuleLearningRate,
    paths: Paths,
    ids: BTreeMap<u64, Vec<ParamId>>,
}

impl ModuleVisitor for Others<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let lr = self.lr.lr_from_param(param.id, Some(&self.paths.current()));
        if lr != self.lr.base() {
            self.ids.entry(lr.to_bits()).or_default().push(param.id);
        }
    }
}
