//! The weights and their gradients: lists of named, shaped slices.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::buffer::Slot;
use crate::{Buffer, Error, Float};

/// Where a tensor's values live: with the set, or in a buffer of the caller's.
#[derive(Debug)]
pub enum Storage<'a, T> {
    /// Owned by the set.
    Owned(Buffer<T>),
    /// Borrowed from the caller: steps write straight into it.
    Borrowed(&'a mut [T]),
}

impl<T: Float> From<Vec<T>> for Storage<'_, T> {
    fn from(values: Vec<T>) -> Self {
        Self::Owned(Buffer::copy_of(&values, Slot::Weights))
    }
}

impl<'a, T> From<&'a mut [T]> for Storage<'a, T> {
    fn from(values: &'a mut [T]) -> Self {
        Self::Borrowed(values)
    }
}

/// One named, shaped tensor, row-major.
#[derive(Debug)]
pub struct Param<'a, T> {
    name: String,
    shape: Vec<usize>,
    values: Storage<'a, T>,
}

impl<T> Param<'_, T> {
    /// The name, unique in its set.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The extents, slowest dimension first; empty for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[T] {
        match &self.values {
            Storage::Owned(values) => values,
            Storage::Borrowed(values) => values,
        }
    }

    /// The values, to write.
    pub fn values_mut(&mut self) -> &mut [T] {
        self.shape_and_values_mut().1
    }

    pub(crate) fn shape_and_values_mut(&mut self) -> (&[usize], &mut [T]) {
        let values = match &mut self.values {
            Storage::Owned(values) => &mut values[..],
            Storage::Borrowed(values) => values,
        };
        (&self.shape, values)
    }
}

/// The weights of a model, in a fixed order. Tensors can join later, at the end; none can leave.
///
/// ```
/// use lookahead::ParamSet;
/// let mut bias = [0.0_f32; 3];
/// let mut params = ParamSet::new();
/// params.push("weight", [3, 2], vec![0.1; 6])?;       // owned
/// params.push("bias", [3], &mut bias[..])?;           // borrowed
/// assert_eq!(params.len(), 2);
/// # Ok::<(), lookahead::Error>(())
/// ```
#[derive(Debug)]
pub struct ParamSet<'a, T> {
    tensors: Vec<Param<'a, T>>,
    names: HashSet<String>,
}

impl<T> Default for ParamSet<'_, T> {
    fn default() -> Self {
        Self { tensors: Vec::new(), names: HashSet::new() }
    }
}

impl<'a, T: Float> ParamSet<'a, T> {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor at the end.
    ///
    /// # Errors
    /// [`Error::DuplicateName`], or [`Error::WrongLength`] if `values` does not hold the product of `shape`.
    pub fn push(
        &mut self,
        name: impl Into<String>,
        shape: impl Into<Vec<usize>>,
        values: impl Into<Storage<'a, T>>,
    ) -> Result<&mut Self, Error> {
        let param = Param { name: name.into(), shape: shape.into(), values: values.into() };
        let expected = param.shape.iter().fold(1, |product: usize, &extent| product.saturating_mul(extent));
        let found = param.values().len();
        if found != expected {
            return Err(Error::WrongLength { name: param.name, shape: param.shape, expected, found });
        }
        if !self.names.insert(param.name.clone()) {
            return Err(Error::DuplicateName { name: param.name });
        }
        self.tensors.push(param);
        Ok(self)
    }

    /// The number of tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no tensor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The tensors in order.
    pub fn iter(&self) -> impl Iterator<Item = &Param<'a, T>> {
        self.tensors.iter()
    }

    /// The tensors in order, to write.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Param<'a, T>> {
        self.tensors.iter_mut()
    }

    /// The values of each tensor in order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[T]> + Clone {
        self.tensors.iter().map(Param::values)
    }

    /// The same tensors with other values, those of the first ones.
    pub(crate) fn at(&self, values: Vec<Vec<T>>) -> ParamSet<'static, T> {
        let mut values = values.into_iter();
        let tensors = self.tensors.iter().map(|param| Param {
            name: param.name.clone(),
            shape: param.shape.clone(),
            values: values.next().unwrap_or_else(|| param.values().to_vec()).into(),
        });
        ParamSet { tensors: tensors.collect(), names: self.names.clone() }
    }

    /// The number of values in all tensors.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.iter().map(|param| param.values().len()).sum()
    }

    /// The values of tensor `index`.
    ///
    /// # Panics
    /// If there is no such tensor.
    #[must_use]
    pub fn slice(&self, index: usize) -> &[T] {
        self.tensors[index].values()
    }

    /// The values of tensor `index`, to write.
    ///
    /// # Panics
    /// If there is no such tensor.
    pub fn slice_mut(&mut self, index: usize) -> &mut [T] {
        self.tensors[index].values_mut()
    }

    /// A copy of all values, tensor by tensor.
    #[must_use]
    pub fn to_vecs(&self) -> Vec<Vec<T>> {
        self.iter().map(|param| param.values().to_vec()).collect()
    }
}

/// One gradient for each tensor of a [`ParamSet`], or `None` where a step has none.
#[derive(Debug, Clone)]
pub struct Grads<'g, T: Clone> {
    tensors: Vec<Option<Cow<'g, [T]>>>,
}

impl<'g, T: Float> Grads<'g, T> {
    /// Takes the gradients in the order of `params`, owned (`Vec`) or borrowed (slices).
    ///
    /// # Errors
    /// [`Error::WrongCount`] or, with the tensor's name, [`Error::WrongLength`].
    pub fn new<G: Into<Cow<'g, [T]>>>(
        params: &ParamSet<'_, T>,
        gradients: impl IntoIterator<Item = Option<G>>,
    ) -> Result<Self, Error> {
        let tensors: Vec<Option<Cow<'g, [T]>>> =
            gradients.into_iter().map(|gradient| gradient.map(Into::into)).collect();
        if tensors.len() != params.len() {
            return Err(Error::WrongCount { expected: params.len(), found: tensors.len() });
        }
        for (param, gradient) in params.iter().zip(&tensors) {
            let expected = param.values().len();
            if let Some(found) = gradient.as_ref().map(|gradient| gradient.len()).filter(|&found| found != expected) {
                return Err(Error::WrongLength {
                    name: param.name.clone(),
                    shape: param.shape.clone(),
                    expected,
                    found,
                });
            }
        }
        Ok(Self { tensors })
    }

    /// The gradient of tensor `index`, if this step has one.
    ///
    /// # Panics
    /// If there is no such tensor.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[T]> {
        self.tensors[index].as_deref()
    }

    /// The number of tensors, with or without a gradient.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no tensor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }
}
