"""Operations: what each means, one class each, and all window arithmetic. `registry` lists them."""
