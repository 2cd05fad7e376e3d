//! Made-up files of paths of weights.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// A file with these tensors: name, shape, values.
pub fn write_tensors(file: &Path, tensors: &[(String, Vec<usize>, Vec<f32>)]) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(.., values)| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views: BTreeMap<&str, TensorView<'_>> = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()))
        .collect();
    fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// Points `fast.N` and `slow.N`, each of four weights in two tensors: `body.weight` of shape [3, 1], `head.bias` of [1].
pub fn write_path(file: &Path, points: &[(&str, [f32; 4])]) {
    let tensors: Vec<_> = points
        .iter()
        .flat_map(|(point, weights)| {
            [
                (format!("{point}/body.weight"), vec![3, 1], weights[..3].to_vec()),
                (format!("{point}/head.bias"), vec![1], weights[3..].to_vec()),
            ]
        })
        .collect();
    write_tensors(file, &tensors);
}
