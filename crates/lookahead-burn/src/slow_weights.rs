//! The slow weights phi of a module: as precise as the fast ones and at least f32, or rounded to bf16 in host memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Element, Tensor, TensorData};
use lookahead::kernels::bf16::{self, Rounding};
use lookahead::{Alpha, SlowStorage};

use crate::flex::{Values, host, opens};
use crate::places::Places;
use crate::pull_back::{self, Refused};
use crate::read_back::{moved_to, values_or_panic};
use crate::record::{RecordReader, RecordWriter};
use crate::traversal::{Lifted, Paths, with_rank};
use crate::weights::{at_least_single, expect_precision};
use crate::{Error, Parameter, Weights};

/// The slow weights of all parameters.
#[derive(Debug, Clone)]
pub(crate) enum SlowWeights {
    Full { weights: Weights, on_host: bool },
    Bf16 { tensors: BTreeMap<ParamId, Rounded>, seed: u64 },
}

/// The slow weights of one parameter in bf16.
#[derive(Clone)]
pub(crate) struct Rounded {
    /// Tells its random bits from those of other parameters, in any process.
    key: u64,
    shape: Vec<usize>,
    dtype: DType,
    device: Device,
    pub(crate) values: lookahead::Buffer<u16>,
    /// Whether there has been a gradient since the last sync.
    pub(crate) stepped: bool,
}

/// The slow weights of one parameter, taken out for a pass.
pub(crate) enum OpenSlow {
    Full(Values),
    Bf16(Rounded, Rounding),
}

impl SlowWeights {
    pub(crate) fn new(storage: SlowStorage) -> Self {
        match storage {
            SlowStorage::Full => Self::Full { weights: Weights::default(), on_host: false },
            SlowStorage::Bf16 { seed } => Self::Bf16 { tensors: BTreeMap::new(), seed },
        }
    }

    /// Keeps them in host memory from now on; bf16 ones always are.
    #[cfg(feature = "flex")]
    pub(crate) fn keep_on_host(&mut self) {
        if let Self::Full { on_host, .. } = self {
            *on_host = true;
        }
    }

    pub(crate) fn clear(&mut self) {
        match self {
            Self::Full { weights, .. } => *weights = Weights::default(),
            Self::Bf16 { tensors, .. } => tensors.clear(),
        }
    }

    pub(crate) fn contains(&self, id: ParamId) -> bool {
        match self {
            Self::Full { weights, .. } => weights.contains(id),
            Self::Bf16 { tensors, .. } => tensors.contains_key(&id),
        }
    }

    /// Those of the parameters that the module still has.
    pub(crate) fn retain(&mut self, places: &Places) {
        match self {
            Self::Full { weights, .. } => weights.retain(places),
            Self::Bf16 { tensors, .. } => tensors.retain(|id, _| places.contains(*id)),
        }
    }

    /// Forgets parameters that the module no longer has, and takes theta_0 of every one that joins in outer step `outer`:
    /// it is trainable or has a gradient.
    pub(crate) fn follow<M: Module>(
        &mut self,
        module: &M,
        places: &Places,
        grads: Option<&GradientsParams>,
        outer: u64,
    ) {
        self.retain(places);
        match self {
            Self::Full { weights, on_host } => {
                let device = on_host.then(host);
                weights.follow(module, grads, device.as_ref());
            }
            Self::Bf16 { tensors, seed } => {
                let (rounding, paths) = ((*seed, outer), Paths::default());
                places.visit(module, &mut Follow { tensors, rounding, grads, paths });
            }
        }
    }

    /// Takes the module's present values for every known parameter: an outer Lookahead has moved them.
    pub(crate) fn rebase<M: Module>(&mut self, module: &M, outer: u64) {
        match self {
            Self::Full { weights, .. } => weights.rebase(module),
            Self::Bf16 { tensors, seed } => module.visit(&mut Rebase { tensors, rounding: (*seed, outer) }),
        }
    }

    /// Eq. 1 for one parameter, or, where it is frozen, `phi <- theta`. Gives theta.
    pub(crate) fn pull_back<const D: usize>(
        &mut self,
        id: ParamId,
        fast: Tensor<D>,
        sync: (Alpha, u64),
        frozen: bool,
        refused: &mut Refused,
    ) -> Tensor<D> {
        let (alpha, outer) = sync;
        match self {
            Self::Full { weights, on_host } => {
                let Some(slow) = weights.take::<D>(id) else { return fast };
                // beside the parameters, wherever the module has been moved to
                let slow = if *on_host { slow } else { moved_to(slow, &fast.device()) };
                let (slow, fast) = if frozen {
                    (pull_back::follow(slow, &fast), fast)
                } else {
                    pull_back::settle(slow, fast, alpha, refused)
                };
                weights.insert(id, slow);
                fast
            }
            Self::Bf16 { tensors, seed } => match tensors.get_mut(&id) {
                Some(known) if frozen => {
                    known.follow(fast.clone(), (*seed, outer));
                    fast
                }
                Some(known) if known.stepped => known.pull_back(fast, alpha, (*seed, outer), refused),
                _ => fast,
            },
        }
    }

    /// Whether the kernels can work on the slow weights of this parameter, if it has any.
    pub(crate) fn opens<const D: usize>(&self, id: ParamId) -> bool {
        match self {
            Self::Full { weights, .. } => weights.get::<D>(id).is_none_or(|slow| opens(&slow)),
            Self::Bf16 { .. } => true,
        }
    }

    /// Takes out what a sync that ends outer step `outer` works on; `None` for a parameter that is left alone.
    pub(crate) fn open<const D: usize>(&mut self, id: ParamId, outer: u64) -> Option<OpenSlow> {
        match self {
            Self::Full { weights, .. } => Some(OpenSlow::Full(Values::of(weights.take::<D>(id)?))),
            Self::Bf16 { tensors, seed } => {
                if !tensors.get(&id)?.stepped {
                    return None;
                }
                let slow = tensors.remove(&id)?;
                let rounding = Rounding::at_sync(*seed, outer, slow.key);
                Some(OpenSlow::Bf16(slow, rounding))
            }
        }
    }

    /// Puts back what [`open`](Self::open) took out.
    pub(crate) fn close<const D: usize>(&mut self, id: ParamId, open: OpenSlow) {
        match (self, open) {
            (Self::Full { weights, .. }, OpenSlow::Full(slow)) => weights.insert(id, slow.into_tensor::<D>()),
            (Self::Bf16 { tensors, .. }, OpenSlow::Bf16(mut slow, _)) => {
                slow.stepped = false;
                tensors.insert(id, slow);
            }
            // each storage takes back what it gave
            (Self::Full { .. }, OpenSlow::Bf16(..)) | (Self::Bf16 { .. }, OpenSlow::Full(..)) => {}
        }
    }

    /// The slow weights of one parameter as a tensor beside the parameter.
    pub(crate) fn get<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        match self {
            Self::Full { weights, .. } => weights.get(id),
            Self::Bf16 { tensors, .. } => tensors.get(&id).map(Rounded::tensor),
        }
    }

    /// All of them as tensors.
    pub(crate) fn weights(&self) -> Cow<'_, Weights> {
        match self {
            Self::Full { weights, .. } => Cow::Borrowed(weights),
            Self::Bf16 { tensors, .. } => {
                let mut weights = Weights::default();
                for (id, known) in tensors {
                    with_rank!(known.shape.len(), D => { weights.insert(*id, known.tensor::<D>()) });
                }
                Cow::Owned(weights)
            }
        }
    }

    pub(crate) fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        match self {
            Self::Full { weights, .. } => weights.save(record),
            Self::Bf16 { tensors, .. } => {
                for Parameter { path, id, .. } in record.parameters() {
                    if let Some(Rounded { key, shape, values, stepped, .. }) = tensors.get(id) {
                        record.tensor(path, TensorData::new(values.to_vec(), shape.clone()))?;
                        record.within("stepped").number(path, *stepped)?;
                        record.within("key").number(path, *key)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Reads what [`save`](Self::save) wrote, in the same storage.
    pub(crate) fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        match self {
            Self::Full { weights, on_host } => {
                let device = on_host.then(host);
                *weights = Weights::load(record, device.as_ref())?;
            }
            Self::Bf16 { tensors, .. } => {
                tensors.clear();
                for Parameter { path, id, shape, dtype, device, .. } in record.expected() {
                    let values: Vec<u16> = record.tensor(path, shape, DType::U16)?.iter().collect();
                    let stepped = record.within("stepped").number(path)?;
                    let key = record.within("key").number(path)?;
                    let (shape, dtype, device) = (shape.clone(), *dtype, device.clone());
                    tensors.insert(*id, Rounded { key, shape, dtype, device, values: values.into(), stepped });
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rounded").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl Rounded {
    fn new<const D: usize>(path: &str, tensor: Tensor<D>, rounding: (u64, u64)) -> Self {
        let (shape, dtype, device) = (tensor.dims().to_vec(), tensor.dtype(), tensor.device());
        // FNV-1a of the path
        let key = path
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let values = vec![0; shape.iter().product()].into();
        let mut known = Self { key, shape, dtype, device, values, stepped: false };
        known.store(tensor, rounding);
        known
    }

    fn store<const D: usize>(&mut self, tensor: Tensor<D>, (seed, outer): (u64, u64)) {
        let rounding = Rounding::at_joining(seed, outer, self.key);
        bf16::store(&mut self.values, &host_values::<f64, D>(tensor), rounding);
    }

    /// Takes theta, frozen since the last sync, where phi is not a rounding of it already.
    fn follow<const D: usize>(&mut self, fast: Tensor<D>, (seed, outer): (u64, u64)) {
        self.stepped = false;
        let fast = host_values::<f32, D>(fast);
        let mut rounded = vec![0; fast.len()];
        bf16::store(&mut rounded, &fast, Rounding::at_sync(seed, outer, self.key));
        for ((phi, rounded), theta) in self.values.iter_mut().zip(rounded).zip(fast) {
            let neighbours = [0, 0xffff].map(|random| bf16::round(theta, random));
            if !neighbours.contains(phi) {
                *phi = rounded;
            }
        }
    }

    fn fits<const D: usize>(&self, tensor: &Tensor<D>) -> bool {
        self.shape == tensor.dims() && self.dtype == tensor.dtype()
    }

    fn tensor<const D: usize>(&self) -> Tensor<D> {
        let values: Vec<f32> = self.values.iter().map(|&bits| bf16::widen(bits)).collect();
        Tensor::from_data(TensorData::new(values, self.shape.clone()), (&self.device, at_least_single(self.dtype)))
    }

    fn pull_back<const D: usize>(
        &mut self,
        fast: Tensor<D>,
        alpha: Alpha,
        (seed, outer): (u64, u64),
        refused: &mut Refused,
    ) -> Tensor<D> {
        self.stepped = false;
        let rounding = Rounding::at_sync(seed, outer, self.key);
        if opens(&fast) {
            let mut fast = Values::of(fast);
            refused.count(bf16::pull_back(&mut self.values, fast.as_mut_slice(), alpha, rounding));
            return fast.into_tensor();
        }
        let (dtype, device) = (fast.dtype(), fast.device());
        let data = match dtype {
            DType::F64 => {
                let mut values = host_values::<f64, D>(fast);
                refused.count(bf16::pull_back(&mut self.values, &mut values, alpha, rounding));
                TensorData::new(values, self.shape.clone())
            }
            _ => {
                let mut values = host_values::<f32, D>(fast);
                refused.count(bf16::pull_back(&mut self.values, &mut values, alpha, rounding));
                if dtype == DType::BF16 {
                    // theta <- phi: to the nearest bf16 number it would lose what phi, rounded by chance, keeps on average
                    values = self.values.iter().map(|&bits| bf16::widen(bits)).collect();
                }
                TensorData::new(values, self.shape.clone())
            }
        };
        Tensor::from_data(data, (&device, dtype))
    }
}

/// The values in host memory.
fn host_values<T: Element, const D: usize>(tensor: Tensor<D>) -> Vec<T> {
    values_or_panic(tensor).iter::<T>().collect()
}

struct Follow<'a> {
    tensors: &'a mut BTreeMap<ParamId, Rounded>,
    // Seed and outer step.
    rounding: (u64, u64),
    grads: Option<&'a GradientsParams>,
    paths: Paths,
}

impl ModuleVisitor for Follow<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let steps = self.grads.is_some_and(|grads| grads.get::<D>(param.id).is_some());
        let tensor = param.val();
        // another tensor under the same id is another parameter
        if self.tensors.get(&param.id).is_some_and(|known| !known.fits(&tensor)) {
            self.tensors.remove(&param.id);
        }
        if let Some(known) = self.tensors.get_mut(&param.id) {
            known.stepped |= steps;
        } else if steps || tensor.is_require_grad() {
            expect_precision(&tensor, || self.paths.current());
            let mut known = Rounded::new(&self.paths.current(), Lifted::lower(tensor).1, self.rounding);
            known.stepped = steps;
            self.tensors.insert(param.id, known);
        }
    }
}

struct Rebase<'a> {
    tensors: &'a mut BTreeMap<ParamId, Rounded>,
    // Seed and outer step.
    rounding: (u64, u64),
}

impl ModuleVisitor for Rebase<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(known) = self.tensors.get_mut(&param.id) {
            known.store(Lifted::lower(param.val()).1, self.rounding);
        }
    }
}
