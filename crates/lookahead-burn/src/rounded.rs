//! Slow weights rounded to bf16, in host memory.

use std::collections::BTreeMap;
use std::fmt;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Element, Tensor, TensorData};
use lookahead::Alpha;
use lookahead::kernels::bf16::{self, Rounding};

use crate::flex::{Values, opens};
use crate::places::Places;
use crate::pull_back::Update;
use crate::read_back::values_or_panic;
use crate::record::{RecordReader, RecordWriter};
use crate::refused::Refused;
use crate::traversal::{Lifted, Paths, with_rank};
use crate::weights::{at_least_single, expect_precision};
use crate::{Error, Parameter, Weights};

/// The slow weights of all parameters.
#[derive(Debug, Clone)]
pub(crate) struct RoundedWeights {
    tensors: BTreeMap<ParamId, Rounded>,
    seed: u64,
}

impl RoundedWeights {
    pub(crate) fn new(seed: u64) -> Self {
        Self { tensors: BTreeMap::new(), seed }
    }

    pub(crate) fn clear(&mut self) {
        self.tensors.clear();
    }

    pub(crate) fn contains(&self, id: ParamId) -> bool {
        self.tensors.contains_key(&id)
    }

    pub(crate) fn retain(&mut self, places: &Places) {
        self.tensors.retain(|id, known| places.has(*id, &known.shape));
    }

    /// Takes theta_0 of every parameter that joins in outer step `outer`, and notes which ones move.
    pub(crate) fn follow<M: Module>(
        &mut self,
        module: &M,
        places: &Places,
        grads: Option<&GradientsParams>,
        outer: u64,
    ) {
        let rounding = (self.seed, outer);
        places.visit(module, &mut Follow { tensors: &mut self.tensors, rounding, grads, paths: Paths::default() });
    }

    pub(crate) fn rebase<M: Module>(&mut self, module: &M, outer: u64) {
        module.visit(&mut Rebase { tensors: &mut self.tensors, rounding: (self.seed, outer) });
    }

    /// The sync of one parameter, or, where it is frozen, `phi <- theta`. Gives theta.
    pub(crate) fn pull_back<const D: usize>(
        &mut self,
        id: ParamId,
        fast: Tensor<D>,
        Update { alpha, outer, .. }: &Update,
        frozen: bool,
        refused: &mut Refused,
    ) -> Tensor<D> {
        let rounding = (self.seed, *outer);
        match self.tensors.get_mut(&id) {
            Some(known) if frozen => {
                known.follow(fast.clone(), rounding);
                fast
            }
            Some(known) if known.stepped || known.is_left_by(&fast) => known.pull_back(fast, *alpha, rounding, refused),
            _ => fast,
        }
    }

    /// Takes out what the sync that ends outer step `outer` works on; `None` for a parameter that is left alone.
    pub(crate) fn open(&mut self, id: ParamId, outer: u64) -> Option<(Rounded, Rounding)> {
        if !self.tensors.get(&id)?.stepped {
            return None;
        }
        let slow = self.tensors.remove(&id)?;
        let rounding = Rounding::at_sync(self.seed, outer, slow.key);
        Some((slow, rounding))
    }

    /// Puts back what [`open`](Self::open) took out.
    pub(crate) fn close(&mut self, id: ParamId, slow: Rounded) {
        self.tensors.insert(id, Rounded { stepped: false, ..slow });
    }

    pub(crate) fn get<const D: usize>(&self, id: ParamId) -> Option<Tensor<D>> {
        self.tensors.get(&id).map(Rounded::tensor)
    }

    /// All of them as tensors beside the parameters.
    pub(crate) fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        for (id, known) in &self.tensors {
            with_rank!(known.shape.len(), D => { weights.insert(*id, known.tensor::<D>()) });
        }
        weights
    }

    pub(crate) fn save(&self, record: &mut RecordWriter<'_>) -> Result<(), Error> {
        for Parameter { path, id, .. } in record.parameters() {
            if let Some(Rounded { key, shape, values, stepped, .. }) = self.tensors.get(id) {
                record.tensor(path, TensorData::new(values.to_vec(), shape.clone()))?;
                record.within("stepped").number(path, *stepped)?;
                record.within("key").number(path, *key)?;
            }
        }
        Ok(())
    }

    /// Reads what [`save`](Self::save) wrote.
    pub(crate) fn load(&mut self, record: &mut RecordReader<'_>) -> Result<(), Error> {
        self.tensors.clear();
        for Parameter { path, id, shape, dtype, device, .. } in record.expected() {
            let values: Vec<u16> = record.tensor(path, shape, DType::U16)?.iter().collect();
            let stepped = record.within("stepped").number(path)?;
            let key = record.within("key").number(path)?;
            let (shape, dtype, device) = (shape.clone(), *dtype, device.clone());
            self.tensors.insert(*id, Rounded { key, shape, dtype, device, values: values.into(), stepped });
        }
        Ok(())
    }
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
    stepped: bool,
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
            if !is_rounding(*phi, theta) {
                *phi = rounded;
            }
        }
    }

    /// Whether theta is elsewhere than rounding puts phi: a Lookahead inside moves it without a gradient, by its momentum.
    fn is_left_by<const D: usize>(&self, fast: &Tensor<D>) -> bool {
        let fast = host_values::<f32, D>(fast.clone());
        self.values.iter().zip(fast).any(|(&phi, theta)| !is_rounding(phi, theta))
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

fn is_rounding(phi: u16, theta: f32) -> bool {
    [0, 0xffff].map(|random| bf16::round(theta, random)).contains(&phi)
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
