// Grafana's types as they look in JSON: enums are their values, dates and functions do not occur.
import type { AnnotationQuery, Dashboard, DataQuery, Panel, RowPanel } from '@grafana/schema';
import type * as barchart from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

export type Json<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer Item>
      ? Array<Json<Item>>
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

// A panel's plugin fills in what is left out.
type Filled<T> = T extends object ? { [Key in keyof T]?: Filled<T[Key]> } : T;

interface Of<Type extends string, Options, Custom> extends Omit<Panel, 'type' | 'options' | 'fieldConfig'> {
  type: Type;
  options: Filled<Options>;
  fieldConfig: Omit<NonNullable<Panel['fieldConfig']>, 'defaults'> & {
    defaults: Omit<NonNullable<Panel['fieldConfig']>['defaults'], 'custom'> & { custom?: Filled<Custom> };
  };
}

type Known =
  | Of<'barchart', barchart.Options, barchart.FieldConfig>
  | Of<'bargauge', bargauge.Options, never>
  | Of<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | Of<'stat', stat.Options, never>
  | Of<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | Of<'table', table.Options, table.FieldConfig>
  | Of<'timeseries', timeseries.Options, timeseries.FieldConfig>;

// Queries belong to plugins of data sources, whose types are published nowhere.
type Query = DataQuery & Record<string, unknown>;

interface Mark extends AnnotationQuery<Query> {
  tagKeys: string;
  textFormat: string;
  titleFormat: string;
  useValueForTime: false;
}

interface Whole extends Omit<Dashboard, 'annotations' | 'panels'> {
  annotations: { list: Array<Mark> };
  panels: Array<Known | RowPanel>;
}

export type Page = Json<Whole>;
