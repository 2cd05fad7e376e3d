//! The fast and slow weights at successive updates, as a run leaves them in `path.safetensors`.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::TensorData;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::PlaneError;
use lookahead_runs::files::read_all;

/// Buffers that belong to no optimizer: they are estimated anew wherever weights are evaluated.
const BUFFERS: [&str; 2] = ["running_mean", "running_var"];

/// Fast and slow weights by update, each as one long vector of all parameters.
#[derive(Debug, Clone)]
pub struct WeightPath {
    /// Name and shape of every parameter, in the order in which they are concatenated.
    pub(super) parameters: Vec<(String, Vec<usize>)>,
    /// Batch-norm statistics of the first fast weights.
    pub(super) buffers: BTreeMap<String, TensorData>,
    pub(super) fast: BTreeMap<u32, Vec<f32>>,
    pub(super) slow: BTreeMap<u32, Vec<f32>>,
}

impl WeightPath {
    /// Reads tensors named `fast.N/PATH` and `slow.N/PATH`: the weights after update N by module path. All weights
    /// hold the same parameters, in 32-bit floats; batch-norm statistics among them are no part of the geometry.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or holds a tensor whose name, shape, type or value is not accepted.
    pub fn read(file: &Path) -> Result<Self, PlaneError> {
        let bytes = read_all(file).map_err(|source| PlaneError::Read { path: file.to_owned(), source })?;
        Self::parse(file, &bytes)
    }

    /// [`read`](Self::read) of a file's content.
    ///
    /// # Errors
    /// As [`read`](Self::read), but for the file.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self, PlaneError> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| PlaneError::Malformed { path: file.to_owned(), reason: error.to_string() })?;
        let mut points: BTreeMap<(Kind, u32), BTreeMap<&str, TensorView<'_>>> = BTreeMap::new();
        for (name, view) in tensors.iter() {
            let unknown = || PlaneError::UnknownName { path: file.to_owned(), name: name.to_owned() };
            let (point, tensor) = place(name).ok_or_else(unknown)?;
            points.entry(point).or_default().insert(tensor, view);
        }
        let Some(first) = points.values().next() else { return Err(PlaneError::TooFewPoints { found: 0 }) };
        let is_buffer = |name: &str| name.rsplit('.').next().is_some_and(|last| BUFFERS.contains(&last));
        let reader = Reader { file, first };
        let parameters: Vec<(String, Vec<usize>)> = first
            .iter()
            .filter(|(name, _)| !is_buffer(name))
            .map(|(name, view)| ((*name).to_owned(), view.shape().to_vec()))
            .collect();
        let buffers = first
            .iter()
            .filter(|(name, _)| is_buffer(name))
            .map(|(name, view)| {
                let mut values = Vec::new();
                reader.append(&mut values, "the first weights", name, view)?;
                Ok(((*name).to_owned(), TensorData::new(values, view.shape().to_vec())))
            })
            .collect::<Result<_, PlaneError>>()?;
        let [mut fast, mut slow] = [BTreeMap::new(), BTreeMap::new()];
        for (&(kind, update), tensors) in &points {
            let weights = reader.concatenate(&parameters, kind, update, tensors)?;
            match kind {
                Kind::Fast => fast.insert(update, weights),
                Kind::Slow => slow.insert(update, weights),
            };
        }
        Ok(Self { parameters, buffers, fast, slow })
    }

    /// The number of parameters: the dimension of the space that the path runs through.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.parameters.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// The updates whose fast weights are known, ascending.
    pub fn fast_updates(&self) -> impl Iterator<Item = u32> + '_ {
        self.fast.keys().copied()
    }

    /// The updates whose slow weights are known, ascending.
    pub fn slow_updates(&self) -> impl Iterator<Item = u32> + '_ {
        self.slow.keys().copied()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Fast,
    Slow,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
        }
    }
}

/// Which weights, and which of their tensors, a name of the file means.
fn place(name: &str) -> Option<((Kind, u32), &str)> {
    let (point, tensor) = name.split_once('/')?;
    let (kind, update) = point.split_once('.')?;
    let kind = [Kind::Fast, Kind::Slow].into_iter().find(|known| known.name() == kind)?;
    Some(((kind, update.parse().ok()?), tensor))
}

struct Reader<'a, 'b> {
    file: &'a Path,
    first: &'a BTreeMap<&'b str, TensorView<'b>>,
}

impl Reader<'_, '_> {
    fn concatenate(
        &self,
        parameters: &[(String, Vec<usize>)],
        kind: Kind,
        update: u32,
        tensors: &BTreeMap<&str, TensorView<'_>>,
    ) -> Result<Vec<f32>, PlaneError> {
        let point = format!("{}.{update}", kind.name());
        if let Some(name) = tensors.keys().find(|name| !self.first.contains_key(*name)) {
            let name = format!("{point}/{name}");
            return Err(PlaneError::UnknownName { path: self.file.to_owned(), name });
        }
        let mut weights = Vec::new();
        for (name, shape) in parameters {
            let Some(view) = tensors.get(name.as_str()).filter(|view| view.shape() == shape) else {
                return Err(PlaneError::Uneven {
                    path: self.file.to_owned(),
                    point,
                    name: name.clone(),
                    expected: format!("F32 {shape:?}"),
                });
            };
            self.append(&mut weights, &point, name, view)?;
        }
        Ok(weights)
    }

    fn append(&self, weights: &mut Vec<f32>, point: &str, name: &str, view: &TensorView<'_>) -> Result<(), PlaneError> {
        let named = || format!("{point}/{name}");
        if view.dtype() != Dtype::F32 {
            let found = format!("{:?}", view.dtype());
            return Err(PlaneError::Type { path: self.file.to_owned(), name: named(), found });
        }
        let start = weights.len();
        weights.extend(view.data().as_chunks().0.iter().copied().map(f32::from_le_bytes));
        if weights[start..].iter().any(|weight| !weight.is_finite()) {
            return Err(PlaneError::NonFinite { path: self.file.to_owned(), name: named() });
        }
        Ok(())
    }
}
