//! The places of a module's parameters. One `ParamId` is one parameter, also where it stands at several places: in layers
//! made by `clone()`, or tied on purpose. It is stepped, synced, counted and saved once, and put back at every place.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Shape, Tensor};

use crate::Error;
use crate::any_tensor::AnyTensor;
use crate::traversal::Paths;

/// The parameters and statistics that a module has, and which of them stand at several places.
#[derive(Debug, Default)]
pub(crate) struct Places {
    // Sorted by id.
    tensors: Vec<(ParamId, Shape)>,
    repeated: Vec<ParamId>,
}

impl Places {
    pub(crate) fn of<M: Module>(module: &M) -> Self {
        let mut places = Self::default();
        module.visit(&mut places);
        places.tensors.sort_unstable_by_key(|(id, _)| *id);
        let neighbours = places.tensors.array_windows();
        places.repeated = neighbours.filter(|[one, next]| one.0 == next.0).map(|[one, _]| one.0).collect();
        places
    }

    /// The places of a module that is about to be stepped or synced; several for a parameter only where it moves or its
    /// state is `known`.
    ///
    /// # Panics
    /// If such a parameter is not the same tensor at all of its places.
    pub(crate) fn to_move<M: Module>(
        module: &M,
        grads: Option<&GradientsParams>,
        known: impl Fn(ParamId) -> bool,
    ) -> Self {
        match Self::checked(module, grads, known) {
            Ok(places) => places,
            Err(error) => panic!("{error}"),
        }
    }

    /// [`to_move`](Self::to_move), with an error in place of the panic.
    pub(crate) fn checked<M: Module>(
        module: &M,
        grads: Option<&GradientsParams>,
        known: impl Fn(ParamId) -> bool,
    ) -> Result<Self, Error> {
        let mut places = Self::of(module);
        let twins = places.keep_repeated(module, grads, known);
        for (first, others) in twins.iter().filter_map(|places| places.split_first()) {
            for other in others {
                if let Some(difference) = first.tensor.difference(&*other.tensor) {
                    let (first, second) = (first.path.clone(), other.path.clone());
                    return Err(Error::TornParameter { first, second, difference });
                }
            }
        }
        Ok(places)
    }

    /// Of what stands at several places, keeps what moves or is `known`, and gives it. The rest, such as the statistics of
    /// batch norm, each place has for itself.
    fn keep_repeated<M: Module>(
        &mut self,
        module: &M,
        grads: Option<&GradientsParams>,
        known: impl Fn(ParamId) -> bool,
    ) -> Vec<Vec<Place>> {
        if self.repeated.is_empty() {
            return Vec::new();
        }
        let mut twins = Twins { places: self, grads, paths: Paths::default(), found: BTreeMap::new() };
        module.visit(&mut twins);
        let mut found = twins.found;
        found.retain(|id, places| known(*id) || places.iter().any(|place| place.moves));
        self.repeated = found.keys().copied().collect();
        let mut found: Vec<_> = found.into_values().collect();
        found.sort_by(|one, other| one[0].path.cmp(&other[0].path));
        found
    }

    /// Whether the module has this parameter: a tensor of another shape under its id is another one.
    pub(crate) fn has(&self, id: ParamId, shape: &[usize]) -> bool {
        let found = self.tensors.binary_search_by_key(&id, |(id, _)| *id);
        found.is_ok_and(|index| *self.tensors[index].1 == *shape)
    }

    fn is_repeated(&self, id: ParamId) -> bool {
        self.repeated.contains(&id)
    }

    /// Visits each parameter at its first place.
    pub(crate) fn visit<M: Module>(&self, module: &M, visitor: &mut impl ModuleVisitor) {
        if self.repeated.is_empty() {
            module.visit(visitor);
        } else {
            module.visit(&mut FirstPlaces { places: self, inner: visitor, seen: Vec::new() });
        }
    }

    /// Maps each parameter at its first place; at the others it becomes the same tensor.
    pub(crate) fn map<M: Module>(&self, module: M, mapper: &mut impl ModuleMapper) -> M {
        if self.repeated.is_empty() {
            module.map(mapper)
        } else {
            module.map(&mut Once { places: self, inner: mapper, done: BTreeMap::new() })
        }
    }

    /// Puts the tensor of each parameter's first place at the others.
    pub(crate) fn tie<M: Module>(&self, module: M) -> M {
        struct AsItIs;
        impl ModuleMapper for AsItIs {}

        self.map(module, &mut AsItIs)
    }
}

impl ModuleVisitor for Places {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.tensors.push((param.id, param.shape()));
    }
}

/// Makes each parameter that takes gradients the same tensor at all places where its `ParamId` stands: the first one's.
///
/// Layers made by `clone()` share their parameters' ids, and with them their gradients, as long as they hold the same
/// tensors; a step of this crate keeps it so. Whatever maps a module by itself tears them apart, such as loading a record,
/// moving to another device, or freezing and thawing: call this after it, before the next forward pass. It is also what a
/// step of Burn's own `ModuleOptimizer` needs after it, which updates the first place only.
///
/// Layers that are to be trained apart need ids of their own: make each by its `init`.
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::Device;
/// use lookahead_burn::tie_parameters;
///
/// let layer: Linear = LinearConfig::new(2, 2).init(&Device::flex().autodiff());
/// let twins = vec![layer.clone(), layer];                         // one parameter at two places
/// let loaded = twins.clone().load_record(twins.into_record());    // two tensors
/// let tied = tie_parameters(loaded);                              // one again
/// # let _ = tied;
/// ```
#[must_use]
pub fn tie_parameters<M: Module>(module: M) -> M {
    let mut places = Places::of(&module);
    places.keep_repeated(&module, None, |_| false);
    places.tie(module)
}

/// What stands at one of several places.
struct Place {
    path: String,
    tensor: Box<dyn AnyTensor>,
    /// Whether it takes gradients, or has one.
    moves: bool,
}

/// Finds all that stands at several places.
struct Twins<'a> {
    places: &'a Places,
    grads: Option<&'a GradientsParams>,
    paths: Paths,
    found: BTreeMap<ParamId, Vec<Place>>,
}

impl ModuleVisitor for Twins<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.places.is_repeated(param.id) {
            let tensor = param.val();
            let moves = tensor.is_require_grad() || self.grads.is_some_and(|grads| grads.get::<D>(param.id).is_some());
            let place = Place { path: self.paths.current(), tensor: Box::new(tensor), moves };
            self.found.entry(param.id).or_default().push(place);
        }
    }
}

struct FirstPlaces<'a, V> {
    places: &'a Places,
    inner: &'a mut V,
    seen: Vec<ParamId>,
}

impl<V: ModuleVisitor> ModuleVisitor for FirstPlaces<'_, V> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.inner.enter_module(name, container_type);
    }

    fn exit_module(&mut self, name: &str, container_type: &str) {
        self.inner.exit_module(name, container_type);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.seen.contains(&param.id) {
            return;
        }
        if self.places.is_repeated(param.id) {
            self.seen.push(param.id);
        }
        self.inner.visit_float(param);
    }
}

struct Once<'a, T> {
    places: &'a Places,
    inner: &'a mut T,
    done: BTreeMap<ParamId, Box<dyn AnyTensor>>,
}

impl<T: ModuleMapper> ModuleMapper for Once<'_, T> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.inner.enter_module(name, container_type);
    }

    fn exit_module(&mut self, name: &str, container_type: &str) {
        self.inner.exit_module(name, container_type);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !self.places.is_repeated(param.id) {
            return self.inner.map_float(param);
        }
        let done = self.done.get(&param.id).and_then(|done| done.as_any().downcast_ref::<Tensor<D>>());
        match done.cloned() {
            Some(tensor) => param.map(|_| tensor),
            None => {
                let param = self.inner.map_float(param);
                self.done.insert(param.id, Box::new(param.val()));
                param
            }
        }
    }
}
