//! What a recurrent network remembers of the text so far.

use std::collections::BTreeMap;

use burn::tensor::{DType, Device, Tensor, TensorData};
use lookahead_burn::values_now;

use crate::{Memory, TensorError};

/// The state of one layer, without autodiff: outputs and cells, `[batch, width]` both.
#[derive(Debug, Clone)]
pub(super) struct LayerState {
    pub(super) hidden: Tensor<2>,
    pub(super) cells: Tensor<2>,
}

impl LayerState {
    pub(super) fn zeros(shape: [usize; 2], dtype: DType, device: &Device) -> Self {
        let zeros = Tensor::zeros(shape, (&device.clone().without_autodiff(), dtype));
        Self { hidden: zeros.clone(), cells: zeros }
    }
}

/// The state of all layers, which no gradient flows through. Its default is that of a text's beginning: zeros.
#[derive(Debug, Clone, Default)]
pub struct LstmState {
    /// None at the beginning.
    pub(super) layers: Vec<LayerState>,
}

impl Memory for LstmState {
    /// For each layer, counted from 0, `layer.N.h` and `layer.N.c`.
    fn to_tensors(&self) -> Result<BTreeMap<String, TensorData>, lookahead_burn::Error> {
        let named = |(number, layer): (usize, &LayerState)| {
            [("h", layer.hidden.clone()), ("c", layer.cells.clone())]
                .map(|(which, tensor)| Ok((format!("layer.{number}.{which}"), values_now(tensor)?)))
        };
        self.layers.iter().enumerate().flat_map(named).collect()
    }

    fn from_tensors(mut tensors: BTreeMap<String, TensorData>, device: &Device) -> Result<Self, TensorError> {
        let device = device.clone().without_autodiff();
        let mut layers: Vec<LayerState> = Vec::new();
        while !tensors.is_empty() {
            let mut take = |which: &str| {
                let name = format!("layer.{}.{which}", layers.len());
                let Some(data) = tensors.remove(&name) else { return Err(TensorError::Missing { name }) };
                let found = data.shape().to_vec();
                match (layers.first().map(|layer| layer.hidden.dims()[0]), &found[..]) {
                    (Some(batch), &[rows, _]) if rows != batch => {
                        Err(TensorError::Shape { name, expected: vec![batch, found[1]], found })
                    }
                    (_, [_, _]) => {
                        let dtype = data.dtype();
                        Ok((name, Tensor::<2>::from_data(data, (&device, dtype))))
                    }
                    _ => Err(TensorError::Shape { name, expected: vec![0, 0], found }),
                }
            };
            let ((_, hidden), (name, cells)) = (take("h")?, take("c")?);
            if cells.dims() != hidden.dims() {
                let (expected, found) = (hidden.dims().to_vec(), cells.dims().to_vec());
                return Err(TensorError::Shape { name, expected, found });
            }
            layers.push(LayerState { hidden, cells });
        }
        Ok(Self { layers })
    }
}
