//! The core rules' builders, handed on: a user of Burn needs one `AdamW`, not two.

/// The core rule's own builders, on the rule of the same name for Burn.
macro_rules! builders {
    ($name:ident { $($builder:ident($($value:ident),*);)+ }) => {
        impl $name {
            $(
                #[doc = concat!("See [`lookahead::rules::", stringify!($name), "::", stringify!($builder), "`].")]
                ///
                /// # Errors
                /// [`lookahead::Error::OutOfRange`] in [`Error::Hyperparameter`](crate::Error::Hyperparameter), with what is
                /// accepted.
                pub fn $builder(self, $($value: f64),*) -> Result<Self, crate::Error> {
                    Ok(Self(self.0.$builder($($value),*)?))
                }
            )+
        }
    };
}
