/**
 * Every function that libggml-base and libggml export under a C name and that `symbols.ts` does not bind, by the
 * reason why. Together the two lists account for the whole interface: a test compares them with the libraries, so
 * that an update of ggml shows what it brought and what it took away. The libraries of the CPU variants are loaded
 * by ggml itself and offer their functions through its registry only.
 */
export const UNBOUND: Readonly<Record<string, readonly string[]>> = {
  "in-place twins: the graph allocator reuses memory by itself": names(`
    ggml_abs_inplace ggml_acc_inplace ggml_add1_inplace ggml_add_inplace ggml_add_rel_pos_inplace
    ggml_ceil_inplace ggml_clamp_inplace ggml_cos_inplace ggml_custom_inplace ggml_diag_mask_inf_inplace
    ggml_diag_mask_zero_inplace ggml_div_inplace ggml_dup_inplace ggml_elu_inplace ggml_exp_inplace
    ggml_expm1_inplace ggml_fill_inplace ggml_floor_inplace ggml_gelu_erf_inplace ggml_gelu_inplace
    ggml_gelu_quick_inplace ggml_group_norm_inplace ggml_l2_norm_inplace ggml_log_inplace
    ggml_map_custom1_inplace ggml_map_custom2_inplace ggml_map_custom3_inplace ggml_mul_inplace
    ggml_neg_inplace ggml_norm_inplace ggml_relu_inplace ggml_rms_norm_inplace ggml_rope_custom_inplace
    ggml_rope_ext_inplace ggml_rope_inplace ggml_rope_multi_inplace ggml_round_inplace
    ggml_scale_bias_inplace ggml_scale_inplace ggml_set_1d_inplace ggml_set_2d_inplace ggml_set_inplace
    ggml_sgn_inplace ggml_sigmoid_inplace ggml_silu_inplace ggml_sin_inplace ggml_soft_max_ext_inplace
    ggml_soft_max_inplace ggml_softplus_inplace ggml_sqr_inplace ggml_sqrt_inplace ggml_step_inplace
    ggml_sub_inplace ggml_tanh_inplace ggml_trunc_inplace ggml_unary_inplace`),

  "one quantisation each: ggml_quantize_chunk and the graph's own operations cover them": names(`
    dequantize_row_iq1_m dequantize_row_iq1_s dequantize_row_iq2_s dequantize_row_iq2_xs
    dequantize_row_iq2_xxs dequantize_row_iq3_s dequantize_row_iq3_xxs dequantize_row_iq4_nl
    dequantize_row_iq4_xs dequantize_row_mxfp4 dequantize_row_nvfp4 dequantize_row_q1_0 dequantize_row_q2_0
    dequantize_row_q2_K dequantize_row_q3_K dequantize_row_q4_0 dequantize_row_q4_1 dequantize_row_q4_K
    dequantize_row_q5_0 dequantize_row_q5_1 dequantize_row_q5_K dequantize_row_q6_K dequantize_row_q8_0
    dequantize_row_q8_K dequantize_row_tq1_0 dequantize_row_tq2_0 ggml_quantize_free ggml_quantize_init
    iq2xs_free_impl iq2xs_init_impl iq3xs_free_impl iq3xs_init_impl quantize_iq1_m quantize_iq1_s
    quantize_iq2_s quantize_iq2_xs quantize_iq2_xxs quantize_iq3_s quantize_iq3_xxs quantize_iq4_nl
    quantize_iq4_xs quantize_mxfp4 quantize_nvfp4 quantize_q1_0 quantize_q2_0 quantize_q2_K quantize_q3_K
    quantize_q4_0 quantize_q4_1 quantize_q4_K quantize_q5_0 quantize_q5_1 quantize_q5_K quantize_q6_K
    quantize_q8_0 quantize_row_iq2_s_ref quantize_row_iq3_s_ref quantize_row_iq3_xxs_ref
    quantize_row_iq4_nl_ref quantize_row_iq4_xs_ref quantize_row_mxfp4_ref quantize_row_nvfp4_ref
    quantize_row_q1_0_ref quantize_row_q2_0_ref quantize_row_q2_K_ref quantize_row_q3_K_ref
    quantize_row_q4_0_ref quantize_row_q4_1_ref quantize_row_q4_K_ref quantize_row_q5_0_ref
    quantize_row_q5_1_ref quantize_row_q5_K_ref quantize_row_q6_K_ref quantize_row_q8_0_ref
    quantize_row_q8_1_ref quantize_row_q8_K_ref quantize_row_tq1_0_ref quantize_row_tq2_0_ref quantize_tq1_0
    quantize_tq2_0`),

  "model files: src/gguf reads and writes them with every number checked": names(`
    gguf_add_tensor gguf_find_key gguf_find_tensor gguf_free gguf_get_alignment gguf_get_arr_data
    gguf_get_arr_n gguf_get_arr_str gguf_get_arr_type gguf_get_data_offset gguf_get_key gguf_get_kv_type
    gguf_get_meta_data gguf_get_meta_size gguf_get_n_kv gguf_get_n_tensors gguf_get_tensor_name
    gguf_get_tensor_ne gguf_get_tensor_offset gguf_get_tensor_size gguf_get_tensor_type gguf_get_val_bool
    gguf_get_val_data gguf_get_val_f32 gguf_get_val_f64 gguf_get_val_i16 gguf_get_val_i32 gguf_get_val_i64
    gguf_get_val_i8 gguf_get_val_str gguf_get_val_u16 gguf_get_val_u32 gguf_get_val_u64 gguf_get_val_u8
    gguf_get_version gguf_init_empty gguf_init_from_buffer gguf_init_from_callback gguf_init_from_file
    gguf_init_from_file_ptr gguf_remove_key gguf_set_arr_data gguf_set_arr_str gguf_set_kv
    gguf_set_tensor_data gguf_set_tensor_type gguf_set_val_bool gguf_set_val_f32 gguf_set_val_f64
    gguf_set_val_i16 gguf_set_val_i32 gguf_set_val_i64 gguf_set_val_i8 gguf_set_val_str gguf_set_val_u16
    gguf_set_val_u32 gguf_set_val_u64 gguf_set_val_u8 gguf_type_name gguf_write_to_file
    gguf_write_to_file_ptr`),

  "training: Rondo does not train with ggml": names(`
    ggml_build_backward_expand ggml_count_equal ggml_cross_entropy_loss ggml_cross_entropy_loss_back
    ggml_flash_attn_back ggml_get_rows_back ggml_graph_get_grad ggml_graph_get_grad_acc ggml_graph_reset
    ggml_im2col_back ggml_opt_alloc ggml_opt_context_optimizer_type ggml_opt_dataset_data
    ggml_opt_dataset_free ggml_opt_dataset_get_batch ggml_opt_dataset_get_batch_host ggml_opt_dataset_init
    ggml_opt_dataset_labels ggml_opt_dataset_ndata ggml_opt_dataset_shuffle ggml_opt_default_params
    ggml_opt_epoch ggml_opt_epoch_callback_progress_bar ggml_opt_eval ggml_opt_fit ggml_opt_free
    ggml_opt_get_constant_optimizer_params ggml_opt_get_default_optimizer_params ggml_opt_grad_acc
    ggml_opt_init ggml_opt_inputs ggml_opt_labels ggml_opt_loss ggml_opt_ncorrect ggml_opt_optimizer_name
    ggml_opt_outputs ggml_opt_pred ggml_opt_prepare_alloc ggml_opt_reset ggml_opt_result_accuracy
    ggml_opt_result_free ggml_opt_result_init ggml_opt_result_loss ggml_opt_result_ndata
    ggml_opt_result_pred ggml_opt_result_reset ggml_opt_static_graphs ggml_opt_step_adamw ggml_opt_step_sgd
    ggml_out_prod ggml_pool_2d_back ggml_repeat_back ggml_rms_norm_back ggml_rope_ext_back
    ggml_rope_multi_back ggml_set_loss ggml_set_param ggml_silu_back ggml_soft_max_ext_back
    ggml_soft_max_ext_back_inplace`),

  "activations, norms and element-wise functions that no supported architecture has": names(`
    ggml_abs ggml_ceil ggml_clamp ggml_cos ggml_elu ggml_exp ggml_expm1 ggml_floor ggml_geglu ggml_geglu_erf
    ggml_geglu_erf_split ggml_geglu_erf_swapped ggml_geglu_quick ggml_geglu_quick_split
    ggml_geglu_quick_swapped ggml_geglu_split ggml_geglu_swapped ggml_gelu ggml_gelu_erf ggml_gelu_quick
    ggml_glu ggml_glu_split ggml_group_norm ggml_hardsigmoid ggml_hardswish ggml_l2_norm ggml_leaky_relu
    ggml_log ggml_neg ggml_norm ggml_reglu ggml_reglu_split ggml_reglu_swapped ggml_relu ggml_round ggml_sgn
    ggml_sigmoid ggml_sin ggml_softplus ggml_sqr ggml_sqrt ggml_step ggml_swiglu_clamp
    ggml_swiglu_oai ggml_swiglu_swapped ggml_tanh ggml_trunc ggml_unary ggml_xielu`),

  "operations of model families that Rondo does not load: mixtures of experts, recurrent and linear attention, attention sinks":
    names(`
    ggml_add_id ggml_argsort ggml_argsort_top_k ggml_cumsum ggml_diag ggml_dsv4_hc_comb ggml_dsv4_hc_post
    ggml_dsv4_hc_pre ggml_dsv4_hc_pre_gated ggml_fill ggml_flash_attn_ext_add_sinks ggml_gated_delta_net
    ggml_gated_linear_attn ggml_lightning_indexer ggml_mul_mat_id ggml_rwkv_wkv6 ggml_rwkv_wkv7
    ggml_soft_max_add_sinks ggml_solve_tri ggml_ssm_conv ggml_ssm_scan ggml_top_k ggml_tri`),

  "images and sound: Rondo reads text": names(`
    ggml_add_rel_pos ggml_col2im_1d ggml_conv_1d ggml_conv_1d_dw ggml_conv_1d_dw_ph ggml_conv_1d_ph
    ggml_conv_2d ggml_conv_2d_direct ggml_conv_2d_dw ggml_conv_2d_dw_direct ggml_conv_2d_s1_ph
    ggml_conv_2d_sk_p0 ggml_conv_3d ggml_conv_3d_direct ggml_conv_transpose_1d ggml_conv_transpose_2d_p0
    ggml_get_rel_pos ggml_im2col ggml_im2col_3d ggml_interpolate ggml_pad ggml_pad_circular ggml_pad_ext
    ggml_pad_ext_circular ggml_pad_reflect_1d ggml_pool_1d ggml_pool_2d ggml_roll ggml_timestep_embedding
    ggml_upscale ggml_upscale_ext ggml_win_part ggml_win_unpart`),

  "arithmetic and assembly of tensors that no supported architecture has": names(`
    ggml_acc ggml_arange ggml_argmax ggml_concat ggml_diag_mask_inf ggml_diag_mask_zero ggml_div ggml_mean
    ggml_repeat ggml_repeat_4d ggml_set ggml_set_1d ggml_set_2d ggml_sub ggml_sum ggml_sum_rows`),

  "other forms of what is bound, by shorthand, rank or older name": names(`
    ggml_add1 ggml_add_cast ggml_cont_1d ggml_cont_2d ggml_cont_3d ggml_cont_4d ggml_dup ggml_dup_tensor
    ggml_graph_overhead ggml_map_custom1 ggml_map_custom2 ggml_map_custom3 ggml_new_graph ggml_new_tensor
    ggml_reshape ggml_reshape_1d ggml_reshape_4d ggml_rope ggml_rope_custom ggml_rope_multi ggml_scale_bias
    ggml_soft_max ggml_transpose ggml_view_4d ggml_view_tensor`),

  "hints and precisions: the defaults of the CPU are what is wanted": names(`
    ggml_flash_attn_ext_get_prec ggml_flash_attn_ext_set_n_kv_max ggml_mul_mat_set_hint ggml_prec_set_acc
    ggml_prec_set_src ggml_rope_set_offset ggml_rope_yarn_corr_dims`),

  "walking, copying and editing contexts and graphs: the builder knows what it built": names(`
    ggml_build_forward_order ggml_build_forward_select ggml_get_data_f32 ggml_get_first_tensor
    ggml_get_max_tensor_size ggml_get_mem_buffer ggml_get_mem_size ggml_get_next_tensor ggml_get_no_alloc
    ggml_get_tensor ggml_graph_add_node ggml_graph_clear ggml_graph_cpy ggml_graph_dup ggml_graph_get_tensor
    ggml_graph_next_uid ggml_graph_node ggml_graph_nodes ggml_graph_size ggml_graph_view ggml_new_buffer
    ggml_set_no_alloc ggml_set_zero`),

  "properties of tensors and types: shapes are known in TypeScript, sizes from the bound functions": names(`
    ggml_are_same_shape ggml_are_same_stride ggml_can_repeat ggml_element_size ggml_ftype_to_ggml_type
    ggml_get_type_traits ggml_is_3d ggml_is_contiguous ggml_is_contiguous_0 ggml_is_contiguous_1
    ggml_is_contiguous_2 ggml_is_contiguous_channels ggml_is_contiguous_rows ggml_is_contiguous_to_1
    ggml_is_contiguous_to_2 ggml_is_contiguous_to_3 ggml_is_contiguously_allocated ggml_is_empty
    ggml_is_matrix ggml_is_permuted ggml_is_quantized ggml_is_scalar ggml_is_transposed ggml_is_vector
    ggml_is_view ggml_n_dims ggml_nbytes_pad ggml_nrows ggml_quantize_requires_imatrix ggml_type_sizef
    ggml_unravel_index`),

  "conversion of single numbers: the functions over rows serve": names(`
    ggml_bf16_to_fp32 ggml_bf16_to_fp32_row ggml_fp16_to_fp32 ggml_fp32_to_bf16 ggml_fp32_to_bf16_row_ref
    ggml_fp32_to_fp16`),

  "several devices: scheduler, events, copies between backends, asynchronous calls, the meta backend": names(`
    ggml_backend_buffer_copy_tensor ggml_backend_buffer_is_meta ggml_backend_buffer_is_multi_buffer
    ggml_backend_buft_is_meta ggml_backend_compare_graph_backend ggml_backend_dev_host_buffer_type
    ggml_backend_dev_offload_op ggml_backend_dev_supports_buft ggml_backend_event_free
    ggml_backend_event_new ggml_backend_event_record ggml_backend_event_synchronize ggml_backend_event_wait
    ggml_backend_graph_compute_async ggml_backend_graph_copy ggml_backend_graph_copy_free
    ggml_backend_is_meta ggml_backend_meta_alloc_ctx_tensors_from_buft ggml_backend_meta_buffer_set_usage
    ggml_backend_meta_device ggml_backend_meta_n_backends ggml_backend_meta_simple_backend
    ggml_backend_meta_split_axis_name ggml_backend_multi_buffer_alloc_buffer
    ggml_backend_multi_buffer_set_usage ggml_backend_offload_op ggml_backend_sched_alloc_graph
    ggml_backend_sched_free ggml_backend_sched_get_backend ggml_backend_sched_get_buffer_size
    ggml_backend_sched_get_buffer_type ggml_backend_sched_get_n_backends ggml_backend_sched_get_n_copies
    ggml_backend_sched_get_n_splits ggml_backend_sched_get_tensor_backend ggml_backend_sched_graph_compute
    ggml_backend_sched_graph_compute_async ggml_backend_sched_new ggml_backend_sched_reserve
    ggml_backend_sched_reserve_size ggml_backend_sched_reset ggml_backend_sched_set_eval_callback
    ggml_backend_sched_set_tensor_backend ggml_backend_sched_split_graph ggml_backend_sched_synchronize
    ggml_backend_supports_buft ggml_backend_synchronize ggml_backend_tensor_copy
    ggml_backend_tensor_copy_async ggml_backend_tensor_get_2d_async ggml_backend_tensor_get_async
    ggml_backend_tensor_set_2d_async ggml_backend_tensor_set_async`),

  "devices by other ways than by name: the CPU is the one that is used": names(`
    ggml_backend_dev_by_type ggml_backend_dev_get_props ggml_backend_dev_memory ggml_backend_dev_type
    ggml_backend_device_register ggml_backend_init_best ggml_backend_init_by_name ggml_backend_init_by_type
    ggml_backend_load ggml_backend_load_all ggml_backend_reg_by_name ggml_backend_reg_count
    ggml_backend_reg_dev_count ggml_backend_reg_dev_get ggml_backend_reg_get ggml_backend_reg_name
    ggml_backend_register ggml_backend_unload`),

  "buffers, allocators and backends in other ways than the bound ones": names(`
    ggml_backend_alloc_buffer ggml_backend_alloc_ctx_tensors ggml_backend_alloc_ctx_tensors_from_buft_size
    ggml_backend_buffer_get_alignment ggml_backend_buffer_get_alloc_size ggml_backend_buffer_get_max_size
    ggml_backend_buffer_get_type ggml_backend_buffer_get_usage ggml_backend_buffer_init
    ggml_backend_buffer_init_tensor ggml_backend_buffer_is_host ggml_backend_buffer_name
    ggml_backend_buffer_reset ggml_backend_buft_get_device ggml_backend_buft_get_max_size
    ggml_backend_buft_is_host ggml_backend_cpu_buffer_from_ptr ggml_backend_cpu_buffer_type
    ggml_backend_dev_buffer_from_host_ptr ggml_backend_get_alignment ggml_backend_get_default_buffer_type
    ggml_backend_get_device ggml_backend_get_max_size ggml_backend_graph_plan_compute
    ggml_backend_graph_plan_create ggml_backend_graph_plan_free ggml_backend_guid ggml_backend_name
    ggml_backend_supports_op ggml_backend_tensor_alloc ggml_backend_tensor_get_2d ggml_backend_tensor_memset
    ggml_backend_tensor_set_2d ggml_backend_view_init ggml_gallocr_new_n ggml_gallocr_reserve
    ggml_gallocr_reserve_n ggml_gallocr_reserve_n_size ggml_tallocr_alloc ggml_tallocr_new`),

  "names, printing, the default log and the abort hook: ggml logs through our callback": names(`
    ggml_abort ggml_format_name ggml_get_glu_op ggml_get_unary_op ggml_glu_op_name ggml_graph_dump_dot
    ggml_graph_print ggml_log_callback_default ggml_log_get ggml_log_internal ggml_op_desc ggml_op_name
    ggml_op_symbol ggml_print_backtrace ggml_print_object ggml_print_objects ggml_set_abort_callback
    ggml_unary_op_name ggml_validate_row_data`),

  "clocks: process.hrtime serves": names(`
    ggml_cycles ggml_cycles_per_ms ggml_time_init ggml_time_ms ggml_time_us`),

  "internals that ggml's libraries share and that are exported for them only": names(`
    ggml_aligned_free ggml_aligned_malloc ggml_can_fuse_subgraph_ext ggml_critical_section_end
    ggml_critical_section_start ggml_fopen ggml_guid_matches ggml_hash_set_free
    ggml_hash_set_new ggml_hash_set_reset ggml_hash_size ggml_op_alloc_size_may_expand ggml_op_can_inplace
    ggml_threadpool_params_default ggml_threadpool_params_match`),
};

function names(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
