;; The kernels of lib/aggregation/kernels.ts, which documents them. After a change:
;;
;;   npx --yes --package wabt@1.0.37 wat2wasm --enable-threads lib/aggregation/kernels.wat --output /tmp/kernels.wasm
;;   node scripts/kernels.mjs /tmp/kernels.wasm
;;
;; Addresses are in bytes. `end` is the address after the last group of the first array. Values are float32, in groups of
;; four with 16 bytes; sums are float64, 32 bytes per group. SIMD operations on floats follow IEEE 754 and are neither
;; fused nor reordered, so that results are bit-identical on every machine. Loops test at their end, so that V8 takes constants out
;; of them: half floats are decoded in half of the time.
(module
  (import "env" "memory" (memory 0 65536 shared))

  ;; 1 if no value is NaN or has a larger magnitude than the limit
  (func (export "within") (param $x i32) (param $end i32) (param $limit f32) (result i32)
    (local $limits v128) (local $all v128)
    (local.set $limits (f32x4.splat (local.get $limit)))
    (local.set $all (v128.const i32x4 -1 -1 -1 -1))
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (local.set $all (v128.and (local.get $all)
          (f32x4.le (f32x4.abs (v128.load (local.get $x))) (local.get $limits))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end))))))
    (i32x4.all_true (local.get $all)))

  ;; sums = factor · x
  (func (export "assignScaled") (param $x i32) (param $end i32) (param $factor f64) (param $sums i32)
    (local $f v128)
    (local.set $f (f64x2.splat (local.get $factor)))
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (v128.store (local.get $sums) (f64x2.mul (local.get $f)
          (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x)))))
        (v128.store offset=16 (local.get $sums) (f64x2.mul (local.get $f)
          (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $sums (i32.add (local.get $sums) (i32.const 32)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end)))))))

  ;; sums = sums + factor · x
  (func (export "addScaled") (param $x i32) (param $end i32) (param $factor f64) (param $sums i32)
    (local $f v128)
    (local.set $f (f64x2.splat (local.get $factor)))
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (v128.store (local.get $sums) (f64x2.add (v128.load (local.get $sums)) (f64x2.mul (local.get $f)
          (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x))))))
        (v128.store offset=16 (local.get $sums) (f64x2.add (v128.load offset=16 (local.get $sums)) (f64x2.mul
          (local.get $f) (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x))))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $sums (i32.add (local.get $sums) (i32.const 32)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end)))))))

  ;; x = sums / divisor, rounded to float32
  (func (export "roundQuotient") (param $x i32) (param $end i32) (param $divisor f64) (param $sums i32)
    (local $d v128)
    (local.set $d (f64x2.splat (local.get $divisor)))
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (v128.store (local.get $x)
          (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
            (f32x4.demote_f64x2_zero (f64x2.div (v128.load (local.get $sums)) (local.get $d)))
            (f32x4.demote_f64x2_zero (f64x2.div (v128.load offset=16 (local.get $sums)) (local.get $d)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $sums (i32.add (local.get $sums) (i32.const 32)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end)))))))

  ;; x, y = min(x, y), max(x, y)
  (func (export "sortPairs") (param $x i32) (param $end i32) (param $y i32)
    (local $a v128) (local $b v128)
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (local.set $a (v128.load (local.get $x)))
        (local.set $b (v128.load (local.get $y)))
        (v128.store (local.get $x) (f32x4.min (local.get $a) (local.get $b)))
        (v128.store (local.get $y) (f32x4.max (local.get $a) (local.get $b)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $y (i32.add (local.get $y) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end)))))))

  ;; to = base + factor · (x - kept · base), rounded to float32. `kept` is 1 for whole weights, 0 for differences.
  (func (export "restore")
    (param $x i32) (param $end i32) (param $base i32) (param $factor f64) (param $kept f64) (param $to i32)
    (local $f v128) (local $k v128) (local $low v128) (local $high v128)
    (local.set $f (f64x2.splat (local.get $factor)))
    (local.set $k (f64x2.splat (local.get $kept)))
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (local.set $low (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $base))))
        (local.set $high (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $base))))
        (v128.store (local.get $to)
          (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23
            (f32x4.demote_f64x2_zero (f64x2.add (local.get $low) (f64x2.mul (local.get $f) (f64x2.sub
              (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x)))
              (f64x2.mul (local.get $k) (local.get $low))))))
            (f32x4.demote_f64x2_zero (f64x2.add (local.get $high) (f64x2.mul (local.get $f) (f64x2.sub
              (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x)))
              (f64x2.mul (local.get $k) (local.get $high))))))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $base (i32.add (local.get $base) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end)))))))

  ;; lanes[i mod 4] += (x[i] - kept · base[i]) · (y[i] - kept · base[i])
  (func (export "addProducts")
    (param $x i32) (param $end i32) (param $y i32) (param $base i32) (param $kept f64) (param $lanes i32)
    (local $b v128) (local $k v128) (local $low v128) (local $high v128)
    (local.set $k (f64x2.splat (local.get $kept)))
    (local.set $low (v128.load (local.get $lanes)))
    (local.set $high (v128.load offset=16 (local.get $lanes)))
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (local.set $b (f64x2.mul (local.get $k) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $base)))))
        (local.set $low (f64x2.add (local.get $low) (f64x2.mul
          (f64x2.sub (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $x))) (local.get $b))
          (f64x2.sub (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $y))) (local.get $b)))))
        (local.set $b (f64x2.mul (local.get $k) (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $base)))))
        (local.set $high (f64x2.add (local.get $high) (f64x2.mul
          (f64x2.sub (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $x))) (local.get $b))
          (f64x2.sub (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $y))) (local.get $b)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $y (i32.add (local.get $y) (i32.const 16)))
        (local.set $base (i32.add (local.get $base) (i32.const 16)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end))))))
    (v128.store (local.get $lanes) (local.get $low))
    (v128.store offset=16 (local.get $lanes) (local.get $high)))

  ;; x = float32 of the binary16 at h; `end` belongs to x. After the shift the exponent is too small by 112. Infinity and
  ;; NaN get the largest exponent.
  (func (export "decodeF16") (param $x i32) (param $end i32) (param $h i32)
    (local $v v128) (local $m v128) (local $magnitude v128) (local $sign v128) (local $finite v128) (local $special v128)
    (local $scale v128)
    (local.set $magnitude (i32x4.splat (i32.const 0x7fff)))
    (local.set $sign (i32x4.splat (i32.const 0x8000)))
    (local.set $finite (i32x4.splat (i32.const 0x7bff)))
    (local.set $special (i32x4.splat (i32.const 0x7f800000)))
    (local.set $scale (f32x4.splat (f32.const 0x1p+112)))
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (local.set $v (i32x4.extend_low_i16x8_u (v128.load64_zero (local.get $h))))
        (local.set $m (v128.and (local.get $v) (local.get $magnitude)))
        (v128.store (local.get $x)
          (v128.or
            (v128.or
              (i32x4.shl (v128.and (local.get $v) (local.get $sign)) (i32.const 16))
              (v128.and (i32x4.gt_s (local.get $m) (local.get $finite)) (local.get $special)))
            (f32x4.mul (i32x4.shl (local.get $m) (i32.const 13)) (local.get $scale))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $h (i32.add (local.get $h) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end)))))))

  ;; x = float32 whose upper half is the bfloat16 at h
  (func (export "decodeBF16") (param $x i32) (param $end i32) (param $h i32)
    (if (i32.lt_u (local.get $x) (local.get $end)) (then
      (loop $next
        (v128.store (local.get $x)
          (i32x4.shl (i32x4.extend_low_i16x8_u (v128.load64_zero (local.get $h))) (i32.const 16)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $h (i32.add (local.get $h) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $x) (local.get $end))))))))
