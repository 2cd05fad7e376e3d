//! Weights in the order of other frameworks.

use lookahead_nn::{Conv2d, ConvShape};
use proptest::prelude::*;

use crate::sums::values;

proptest! {
    #[test]
    fn weights_are_where_they_belong(channels in 1..40_usize, filters in 1..40_usize, kernel in (1..4_usize, 1..4_usize)) {
        let conv = Conv2d::new(&ConvShape::new([1, 4, 4, channels], filters, [kernel.0, kernel.1])).unwrap();
        let oihw = values(conv.weight_len(), 1);
        let [mut w, mut back] = [vec![f32::NAN; oihw.len()], vec![f32::NAN; oihw.len()]];
        conv.weight_from_oihw(&oihw, &mut w).unwrap();
        let taps = kernel.0 * kernel.1;
        for (place, value) in w.iter().enumerate() {
            let (tap, channel, filter) = (place / filters / channels, place / filters % channels, place % filters);
            assert_eq!(*value, oihw[(filter * channels + channel) * taps + tap]);
        }
        conv.weight_to_oihw(&w, &mut back).unwrap();
        assert_eq!(back, oihw);
    }
}
