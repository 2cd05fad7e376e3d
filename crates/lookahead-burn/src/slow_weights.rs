//! The slow weights phi of a module: as precise as the fast ones, or rounded to bf16 in host memory.

use std::borrow::Cow;
use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Element, Tensor, TensorData};
use lookahead::kernels::bf16::{self, Rounding};
use lookahead::{Alpha, SlowStorage};

use crate::flex::{Buffer, opens};
use crate::pull_back::{Refused, pull_back};
use crate::record::{RecordReader, RecordWriter};
use crate::traversal::{Lifted, Paths, with_rank};
use crate::{Error, Weights};

/// The slow weights of all parameters.
#[derive(Clone)]
pub(crate) enum SlowWeights {
    Full { weights: Weights, on_host: bool },
    Bf16 { tensors: BTreeMap<ParamId, Rounded>, seed: u64 },
}

/// The slow weights of one parameter in bf16.
#[derive(Clone)]
pub(crate) struct Rounded {
    path: String,
    shape: Vec<usize>,
    dtype: DType,
    device: Device,
    pub(crate) values: lookahead::Buffer<u16>,
    /// Whether there has been a gradient since the last sync.
    pub(crate) stepped: bool,
}

/// The slow weights of one parameter, taken out for a pass.
pub(crate) enum OpenSlow {
    Full(String, Buffer),
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

    /// theta_0 of every parameter that joins in outer step `outer`: it is trainable or has a gradient.
    pub(crate) fn adopt<M: Module>(&mut self, module: &M, grads: &GradientsParams, outer: u64) {
        match self {
            Self::Full { weights, on_host } => {
                let host = on_host.then(Device::flex);
                weights.adopt(module, grads, host.as_ref());
            }
            Self::Bf16 { tensors, seed } => {
                module.visit(&mut Adopt { tensors, seed: *seed, outer, grads, paths: Paths::default() });
            }
        }
    }

    /// Takes the module's present values for every known parameter: an outer Lookahead has moved them.
    pub(crate) fn rebase<M: Module>(&mut self, module: &M, outer: u64) {
        match self {
            Self::Full { weights, on_host } => {
                let host = on_host.then(Device::flex);
                weights.rebase(module, host.as_ref());
            }
            Self::Bf16 { tensors, seed } => module.visit(&mut Rebase { tensors, seed: *seed, outer }),
        }
    }

    /// Eq. 1 for one parameter. Gives theta.
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
            Self::Full { weights, .. } => {
                let Some((path, slow)) = weights.take::<D>(id) else { return fast };
                let device = fast.device();
                // Frozen since the last sync: it stays where it is.
                let (slow, fast) = if frozen {
                    (fast.clone().to_device(&slow.device()), fast)
                } else {
                    let near = fast.to_device(&slow.device());
                    let (slow, near) = pull_back(slow, near, alpha, refused);
                    (slow, near.to_device(&device))
                };
                weights.insert(id, path, slow);
                fast
            }
            Self::Bf16 { tensors, seed } => match tensors.get_mut(&id) {
                Some(known) if known.stepped && !frozen => known.pull_back(fast, alpha, (*seed, outer), refused),
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
            Self::Full { weights, .. } => {
                let (path, slow) = weights.take::<D>(id)?;
                Some(OpenSlow::Full(path, Buffer::open(slow)))
            }
            Self::Bf16 { tensors, seed } => {
                if !tensors.get(&id)?.stepped {
                    return None;
                }
                let slow = tensors.remove(&id)?;
                let rounding = Rounding::at_sync(*seed, outer, slow.key());
                Some(OpenSlow::Bf16(slow, rounding))
            }
        }
    }

    /// Puts back what [`open`](Self::open) took out.
    pub(crate) fn close<const D: usize>(&mut self, id: ParamId, open: OpenSlow) {
        match (self, open) {
            (Self::Full { weights, .. }, OpenSlow::Full(path, slow)) => weights.insert(id, path, slow.close::<D>()),
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
                    with_rank!(known.shape.len(), D => { weights.insert(*id, known.path.clone(), known.tensor::<D>()) });
                }
                Cow::Owned(weights)
            }
        }
    }

    pub(crate) fn save(&self, record: &mut RecordWriter<'_>) {
        match self {
            Self::Full { weights, .. } => weights.save(record),
            Self::Bf16 { tensors, .. } => {
                for Rounded { path, shape, values, stepped, .. } in tensors.values() {
                    record.tensor(path, TensorData::new(values.to_vec(), shape.clone()));
                    record.within("stepped").number(path, *stepped);
                }
            }
        }
    }

    /// Reads what [`save`](Self::save) wrote, in the same storage.
    pub(crate) fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        match self {
            Self::Full { weights, on_host } => {
                let host = on_host.then(Device::flex);
                *weights = Weights::load(record, host.as_ref())?;
            }
            Self::Bf16 { tensors, .. } => {
                tensors.clear();
                for (path, param) in record.expected() {
                    let mut stored = param.clone();
                    stored.dtype = DType::U16;
                    let data = record.tensor(&path, &stored)?;
                    let values: Vec<u16> = data.iter().collect();
                    let stepped = record.within("stepped").number(&path)?;
                    let (shape, dtype, device) = (param.shape, param.dtype, param.device);
                    let known = Rounded { path, shape, dtype, device, values: values.into(), stepped };
                    tensors.insert(param.id, known);
                }
            }
        }
        Ok(())
    }
}

impl Rounded {
    fn new<const D: usize>(path: String, tensor: Tensor<D>, rounding: (u64, u64)) -> Self {
        let (shape, dtype, device) = (tensor.dims().to_vec(), tensor.dtype(), tensor.device());
        let length = shape.iter().product();
        let mut known = Self { path, shape, dtype, device, values: vec![0; length].into(), stepped: false };
        known.store(tensor, rounding);
        known
    }

    fn store<const D: usize>(&mut self, tensor: Tensor<D>, (seed, outer): (u64, u64)) {
        let rounding = Rounding::at_joining(seed, outer, self.key());
        bf16::store(&mut self.values, &host_values::<f64, D>(tensor), rounding);
    }

    /// Tells its random bits from those of other parameters, in any process: FNV-1a of the path.
    pub(crate) fn key(&self) -> u64 {
        self.path
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    fn tensor<const D: usize>(&self) -> Tensor<D> {
        let values: Vec<f32> = self.values.iter().map(|&bits| bf16::widen(bits)).collect();
        Tensor::from_data(TensorData::new(values, self.shape.clone()), (&self.device, self.dtype))
    }

    fn pull_back<const D: usize>(
        &mut self,
        fast: Tensor<D>,
        alpha: Alpha,
        (seed, outer): (u64, u64),
        refused: &mut Refused,
    ) -> Tensor<D> {
        self.stepped = false;
        let rounding = Rounding::at_sync(seed, outer, self.key());
        if opens(&fast) {
            let mut fast = Buffer::open(fast);
            refused.count(bf16::pull_back(&mut self.values, fast.values_mut(), alpha, rounding));
            return fast.close();
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
                TensorData::new(values, self.shape.clone())
            }
        };
        Tensor::from_data(data, (&device, dtype))
    }
}

/// The values in host memory.
fn host_values<T: Element, const D: usize>(tensor: Tensor<D>) -> Vec<T> {
    tensor.into_data().iter::<T>().collect()
}

struct Adopt<'a> {
    tensors: &'a mut BTreeMap<ParamId, Rounded>,
    seed: u64,
    outer: u64,
    grads: &'a GradientsParams,
    paths: Paths,
}

impl ModuleVisitor for Adopt<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.paths.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.paths.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let steps = self.grads.get::<D>(param.id).is_some();
        if let Some(known) = self.tensors.get_mut(&param.id) {
            known.stepped |= steps;
            return;
        }
        let tensor = param.val();
        if steps || tensor.is_require_grad() {
            let rounding = (self.seed, self.outer);
            let mut known = Rounded::new(self.paths.current(), Lifted::lower(tensor).1, rounding);
            known.stepped = steps;
            self.tensors.insert(param.id, known);
        }
    }
}

struct Rebase<'a> {
    tensors: &'a mut BTreeMap<ParamId, Rounded>,
    seed: u64,
    outer: u64,
}

impl ModuleVisitor for Rebase<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(known) = self.tensors.get_mut(&param.id) {
            known.store(Lifted::lower(param.val()).1, (self.seed, self.outer));
        }
    }
}
